"""ETags of single records and of the summary."""

import pytest

from tests.api.support import row

CLV = "/api/v1/customers/a/clv"
SUMMARY = "/api/v1/clv/summary"


@pytest.fixture
def ask(client, headers, load):
    """Ask for a path, perhaps with an ETag that the client has."""
    load(row("a", 1, 3, 10), row("b", 2))
    key = headers()

    def get(path: str, known: str | None = None, method: str = "GET", **more: str):
        more |= {} if known is None else {"If-None-Match": known}
        return client.open(path, method=method, headers={**key, **more})

    return get


@pytest.mark.parametrize("path", [CLV, SUMMARY])
def test_what_the_client_has_is_not_sent_again(ask, path):
    ask(path)
    first = ask(path)
    etag = first.headers["ETag"]
    assert ask(path).headers["ETag"] == etag
    spellings = (etag, f"W/{etag}", f'"other", {etag}', "*")
    for known in spellings:
        answer = ask(path, known)
        assert (answer.status_code, answer.data) == (304, b"")
        assert answer.headers["ETag"] == etag
        assert answer.headers["Cache-Control"] == first.headers["Cache-Control"] == "no-store"
        assert answer.headers.get("X-CLV-Model") == first.headers.get("X-CLV-Model")
        assert "Content-Length" not in answer.headers and "Content-Type" not in answer.headers
        assert ask(path, known, "HEAD").status_code == 304
    for unknown in ('"other"', "", etag.strip('"') + "x", "nonsense,"):
        answer = ask(path, unknown)
        assert (answer.status_code, answer.data) == (200, first.data)


def test_the_etag_of_a_record_changes_whenever_its_body_does(ask, load):
    etags = {}

    def note() -> None:
        answer = ask(CLV)
        assert etags.setdefault(answer.headers["ETag"], answer.data) == answer.data

    note()
    note()
    assert len(etags) == 2, "source is computed, then cached"
    load(row("a", 0, 5, 1))
    note()
    assert len(etags) == 2, "new summaries alone change no record"
    ask(CLV, method="POST")
    note()
    assert len(etags) == 3
    known = [*etags][-1]
    assert ask(CLV, known).status_code == 304
    assert ask(CLV, known, **{"Cache-Control": "max-age=0"}).status_code == 200


def test_the_etag_of_the_summary_changes_with_what_it_says(ask, client, headers, load):
    before = ask(SUMMARY).headers["ETag"]
    client.put("/api/v1/settings", json={"currency": "CHF"}, headers=headers())
    after = ask(SUMMARY, before)
    assert after.status_code == 200 and after.headers["ETag"] != before
    load(row("c", 1))
    assert ask(SUMMARY, after.headers["ETag"]).status_code == 200


def test_an_error_has_no_etag_whatever_the_client_has(ask):
    answer = ask("/api/v1/customers/nobody/clv", "*")
    assert answer.status_code == 404 and "ETag" not in answer.headers


def test_nobody_is_told_304_without_a_key(client, ask):
    assert client.get(CLV, headers={"If-None-Match": "*"}).status_code == 401
