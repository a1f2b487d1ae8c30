"""The charset that a request declares."""

import pytest

from tests.api.transactions.support import HEADER, PLAIN, PREVIEW, URL, stored
from tests.conftest import ON_ONE_DATABASE

BOTH = pytest.mark.parametrize(("method", "url"), [("PUT", URL), ("POST", PREVIEW)])


@ON_ONE_DATABASE
@BOTH
def test_the_charset_of_the_content_type_is_the_encoding(sent, method, url):
    text = f"{HEADER}Müller,2026-04-30,1\n"
    for encoding in ("windows-1252", "utf-8", "utf-16-le"):
        kind = f"text/csv; charset={encoding}"
        assert sent(method, url, text.encode(encoding), kind=kind).status_code == 200
        latin = text.encode("utf-8")
        other = sent(method, url, latin, {"encoding": "utf-8"}, kind=kind)
        assert other.status_code == 200, other.text
    assert {row[0] for row in stored()} <= {"Müller"}


@ON_ONE_DATABASE
@BOTH
def test_an_unknown_charset_is_refused(sent, method, url):
    answer = sent(method, url, PLAIN, kind="text/csv; charset=klingon")
    assert answer.status_code == 400
    assert "klingon" in answer.json["message"]
