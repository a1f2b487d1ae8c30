"""The limit on failed attempts."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from app import create_app
from clv.auth import authentication, tokens
from clv.auth.login_throttle import MOST_ADDRESSES, LoginThrottle, client_at
from clv.errors import TooMany
from tests.api.keys.support import CLV, bearer, unreadable_keys
from tests.api.test_errors import assert_is_an_error


@pytest.fixture
def strict(app, settings, key) -> Iterator[Callable]:
    """Requests to an application that lets an address fail 3 times: ``strict(key, address)``."""
    application = create_app(replace(settings, attempts_limit="3/day"))
    client = application.test_client()
    assert client.get(CLV, headers=key).status_code == 200

    def get(headers: dict[str, str], address: str = "192.0.2.1", path: str = CLV):
        return client.get(path, headers=headers, environ_base={"REMOTE_ADDR": address})

    yield get
    application.extensions["clv"].queue.redis.close()


def fail(get: Callable, times: int, address: str = "192.0.2.1") -> list[int]:
    return [get(bearer(tokens.new()), address).status_code for _ in range(times)]


def test_who_fails_too_often_is_told_so_and_right_keys_still_work(strict, key, headers):
    assert fail(strict, 5) == [401, 401, 401, 429, 429]
    answer = strict(bearer(tokens.new()))
    assert_is_an_error(answer, 429)
    assert 0 < int(answer.headers["Retry-After"]) <= 86_400
    for wrong in (bearer("no token"), {"Authorization": "Basic eDp5"}):
        assert strict(wrong).status_code == 429
    assert strict({}).status_code == 401, "without credentials it was no attempt"
    assert strict(key).status_code == 200
    authentication.forget_keys()
    assert strict(key).status_code == 200, "also after it has to be looked up again"
    assert strict(headers("viewer")).status_code == 200, "also a new one"
    assert fail(strict, 1, "192.0.2.2") == [401], "other addresses are not concerned"


def test_over_the_limit_a_made_up_key_costs_no_query(strict, key):
    fail(strict, 4)
    with unreadable_keys():
        assert fail(strict, 20) == [429] * 20
        assert strict(key).status_code == 200
        assert fail(strict, 1, "192.0.2.2")[0] >= 500, "the control: below it, it is looked up"


def test_over_the_limit_nobody_learns_which_keys_exist(strict, key):
    fail(strict, 4)
    public = key["Authorization"][len("Bearer clv_") :][:12]
    answers = [strict(bearer(one)) for one in (tokens.new(), tokens.Token(public, "A" * 33), "x")]
    assert (
        len({(one.status_code, one.json["message"].partition(" in ")[0]) for one in answers}) == 1
    )


def test_requests_without_credentials_and_right_ones_are_no_attempts(strict, key):
    assert {strict({}).status_code for _ in range(5)} == {401}
    assert {strict(key).status_code for _ in range(5)} == {200}
    assert fail(strict, 4) == [401, 401, 401, 429]


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::", "2001:db8:1:2::"),
        ("2001:db8:1:3::1", "2001:db8:1:3::"),
        ("fe80::1%eth0", "fe80::"),
        ("nonsense", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_an_address_stands_for_a_client(address, client):
    assert client_at(address) == client


def test_failures_of_many_addresses_take_little_memory():
    attempts = LoginThrottle("1/day")
    attempts.count_failure("first")
    with pytest.raises(TooMany):
        attempts.count_failure("first")
    for number in range(MOST_ADDRESSES + 500):
        attempts.count_failure(f"198.51.{number}")
    assert len(attempts._windows) == MOST_ADDRESSES
    assert not attempts.is_exceeded("first") and attempts.is_exceeded("198.51.10000")


def test_without_a_limit_nothing_is_counted():
    attempts = LoginThrottle("")
    for _ in range(1_000):
        attempts.count_failure("192.0.2.1")
    assert not attempts.is_exceeded("192.0.2.1") and not len(attempts._windows)
