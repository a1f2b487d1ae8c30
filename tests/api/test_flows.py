"""For whom a request is queued."""

import pytest

from clv.auth import authentication
from clv.http.flows import Flows


def head(*lines: str) -> bytes:
    """The head of a request with these header lines."""
    return "\r\n".join(("GET / HTTP/1.1", "Host: x", *lines, "", "")).encode()


def of(flows: Flows, *lines: str, client: str = "192.0.2.1") -> object:
    return flows.of(head(*lines), client)


@pytest.mark.parametrize("name", ["Authorization", "authorization"])
def test_a_request_with_a_key_of_late_is_its_tenants(app, client, headers, tenant, name):
    token = headers("viewer")["Authorization"]
    flows = Flows(0)
    authentication.forget_keys()
    assert of(flows, f"{name}: {token}") == "192.0.2.1"
    assert client.get("/api/v1/settings", headers={"Authorization": token}).status_code == 200
    assert of(flows, f"{name}: {token}", "Accept: */*") == 1
    assert of(flows, f"{name}: {token}x") == "192.0.2.1"


def test_a_session_is_its_tenants_once_it_proved_valid():
    flows = Flows(0)
    flows.remember("abc.def", 7)
    assert of(flows, "Cookie: clv=abc.def") == 7
    assert of(flows, "cookie: a=b; __Host-clv=abc.def; c=d") == 7
    assert of(flows, "Cookie: clv=abc.dee") == "192.0.2.1"
    assert of(flows, "Cookie: otherclv=abc.def") == "192.0.2.1"


@pytest.mark.parametrize(
    ("proxies", "lines", "flow"),
    [
        (0, ["X-Forwarded-For: 198.51.100.7"], "192.0.2.1"),
        (1, ["X-Forwarded-For: 203.0.113.9, 198.51.100.7"], "198.51.100.7"),
        (1, ["x-forwarded-for: 203.0.113.9", "X-Forwarded-For: 198.51.100.7"], "198.51.100.7"),
        (2, ["X-Forwarded-For: 203.0.113.9, 198.51.100.7"], "203.0.113.9"),
        (2, ["X-Forwarded-For: 198.51.100.7"], "192.0.2.1"),
        (1, [], "192.0.2.1"),
    ],
)
def test_the_client_is_who_the_trusted_proxies_say(proxies, lines, flow):
    assert of(Flows(proxies), *lines) == flow


def test_a_client_behind_a_proxy_with_a_whole_network_of_ipv6_is_one_flow():
    first, second, foreign = (
        of(Flows(1), f"X-Forwarded-For: {address}")
        for address in ("2001:db8::1", "2001:db8::ffff", "2001:db8:0:1::1")
    )
    assert first == second != foreign


@pytest.mark.parametrize("line", ["Authorization", "Authorization:", "Cookie: clv=", "Cookie:"])
def test_garbage_is_the_address(line):
    assert of(Flows(0), line) == "192.0.2.1"
    assert Flows(0).of(b"\n" + line.encode(), "192.0.2.1") == "192.0.2.1"
