"""Clients that break off."""

import random
import socket

import pytest

from tests.api.bulk_summaries.support import HEADER, LINE, MANY, URL, stored
from tests.api.support import broken_off, changes
from tests.bench import load as requests
from tests.bench import stage


def test_a_client_that_breaks_off_anywhere_changes_nothing(put, client, headers):
    put(HEADER + LINE)
    before = stored()
    for answer in broken_off(client, f"{URL}?replace=true", headers("editor"), MANY.encode()):
        assert answer.status_code == 400, answer.text
        assert stored() == before
    assert changes(put(MANY, "?replace=true"))["inserted"] == 2800


@pytest.mark.parametrize("framing", ["Content-Length: {}", "Transfer-Encoding: chunked"])
def test_a_client_that_hangs_up_on_gunicorn_changes_nothing(settings, put, headers, framing):
    put(HEADER + LINE)
    before, key, whole = stored(), headers("editor"), MANY.encode()
    head = f"PUT {URL}?replace=true HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n"
    head += f"Authorization: {key['Authorization']}\r\n{framing.format(len(whole))}\r\n\r\n"
    chance = random.Random(1)
    with stage.web(settings, WEB_CONCURRENCY="1") as (port, _):
        requests.wait_for(port)
        for _ in range(5):
            body = whole[: chance.randint(1, len(whole) - 1)]
            if "chunked" in framing:
                # Whole chunks, but not the last one.
                body = b"%x\r\n%b\r\n" % (len(body), body)
            with socket.create_connection(("127.0.0.1", port)) as client:
                client.sendall(head.encode() + body)
                client.shutdown(socket.SHUT_WR)
                answer = client.makefile("rb").read()
            assert answer.startswith(b"HTTP/1.1 400 ") and b"broke off" in answer
            assert stored() == before
