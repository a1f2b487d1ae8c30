"""Files that are sent gzipped."""

import gzip
import zlib

import pytest

from clv import db
from tests.api.records.support import CSV, NDJSON, URL
from tests.api.support import insert_records, numbered_records


@pytest.fixture
def ask(client, headers, tenant):
    """Ask for a file with this Accept-Encoding."""
    key = headers()

    def get(encoding: str | None, accept: str = CSV, url: str = URL, method: str = "GET"):
        wanted = {} if encoding is None else {"Accept-Encoding": encoding}
        return client.open(url, method=method, headers={**key, "Accept": accept, **wanted})

    return get


@pytest.mark.parametrize("accept", [CSV, NDJSON])
@pytest.mark.parametrize("url", [URL, "/api/v1/interaction-summaries"])
def test_a_gzipped_file_is_the_file(ask, accept, url):
    insert_records(numbered_records(5_000))
    plain, packed = ask(None, accept, url), ask("gzip, deflate, br", accept, url)
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    for name in ("Content-Type", "Content-Disposition", "Vary"):
        assert packed.headers[name] == plain.headers[name]
    assert plain.headers["Vary"] == "Accept, Accept-Encoding"
    assert gzip.decompress(packed.data) == plain.data
    if url == URL:
        assert len(packed.data) < len(plain.data) / 3


@pytest.mark.parametrize(
    ("encoding", "is_gzip"),
    [
        (None, False),
        ("", False),
        ("identity", False),
        ("deflate, br", False),
        ("gzip;q=0", False),
        ("gzip;q=0.4, identity;q=0.5", False),
        ("gzip;q=0, *", False),
        ("nonsense", False),
        ("gzip", True),
        ("GZIP", True),
        ("*", True),
        ("br;q=1.0, gzip;q=0.2", True),
        ("gzip;q=0.5, identity;q=0.4", True),
        ("identity, gzip", True),
    ],
)
def test_the_client_says_what_it_accepts(ask, encoding, is_gzip):
    answer = ask(encoding)
    assert answer.status_code == 200
    assert (answer.headers.get("Content-Encoding") == "gzip") == is_gzip


def test_json_is_sent_as_it_is(ask):
    answer = ask("gzip", "application/json")
    assert "Content-Encoding" not in answer.headers and answer.json["data"] == []


def test_a_head_request_is_told_that_it_would_be_gzipped(ask):
    answer = ask("gzip", method="HEAD")
    assert (answer.headers["Content-Encoding"], answer.data) == ("gzip", b"")


def test_it_is_packed_while_it_is_read_and_no_connection_is_held(ask):
    insert_records(numbered_records(30_000))
    unpacker, sizes = zlib.decompressobj(31), []
    with ask("gzip") as answer:
        for piece in answer.response:
            assert db.database.is_closed()
            sizes.append(len(unpacker.decompress(piece)))
    assert unpacker.eof and len(sizes) > 3
    assert max(sizes) < sum(sizes) / 3


def test_a_file_that_breaks_off_has_no_end_that_looks_like_one(ask):
    insert_records(numbered_records(30_000))
    unpacker = zlib.decompressobj(31)
    with ask("gzip") as answer:
        pieces = iter(answer.response)
        unpacker.decompress(next(pieces))
        with db.scope():
            db.execute("ALTER TABLE clv_record RENAME TO clv_record_away")
        try:
            with pytest.raises(BrokenPipeError):
                for piece in pieces:
                    unpacker.decompress(piece)
        finally:
            with db.scope():
                db.execute("ALTER TABLE clv_record_away RENAME TO clv_record")
    assert not unpacker.eof
