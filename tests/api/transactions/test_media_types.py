"""Files of transactions by their media types: workbooks, NDJSON, gzipped or not."""

import gzip
import json
from datetime import datetime

import pytest

from clv.files.kinds import WORKBOOK
from tests.api.transactions.support import PLAIN, PREVIEW, URL, stored
from tests.conftest import ON_ONE_DATABASE
from tests.support.workbook import workbook

SHEET = workbook(
    [
        ["Kunde", "Datum", "Betrag"],
        ["K-17", datetime(2026, 3, 12, 9, 14), 58.8],
        ["K-18", datetime(2026, 3, 13, 0, 30), 1234.5],
    ]
)
ROWS = [
    {"customerId": "K-17", "date": "2026-03-12T09:14:00", "amount": 58.8},
    {"customerId": "K-18", "date": "2026-03-13", "amount": 1234.5},
]
NDJSON = "\n".join(map(json.dumps, ROWS)).encode()
EXPECTED = [
    ("K-17", "2026-03-12", 1, 1, 588_000),
    ("K-18", "2026-03-13", 1, 1, 12_345_000),
]


@pytest.mark.parametrize("packed", [bytes, gzip.compress], ids=["plain", "gzipped"])
@pytest.mark.parametrize(
    ("body", "kind"),
    [(SHEET, WORKBOOK), (SHEET, "text/csv"), (NDJSON, "application/x-ndjson")],
    ids=["workbook", "workbook as csv", "ndjson"],
)
def test_each_kind_of_file_is_previewed_and_loaded(put, preview, body, kind, packed):
    shown = preview(packed(body), kind=kind)
    assert shown.status_code == 200, shown.text
    assert (shown.json["transactions"], shown.json["total"]) == (2, 1293.3)
    loaded = put(packed(body), kind=kind)
    assert loaded.status_code == 200, loaded.text
    assert stored() == EXPECTED


@ON_ONE_DATABASE
def test_a_charset_is_ignored_where_it_means_nothing(put):
    for body, kind in ((SHEET, WORKBOOK), (NDJSON, "application/x-ndjson")):
        answer = put(body, kind=f"{kind}; charset=utf-8")
        assert answer.status_code == 200, answer.text


@ON_ONE_DATABASE
def test_both_endpoints_document_the_three_types_and_an_answer(client, headers):
    paths = client.get("/api/openapi.json").json["paths"]
    for method, url in (("put", URL), ("post", PREVIEW)):
        content = paths[url][method]["requestBody"]["content"]
        assert set(content) == {"text/csv", "application/x-ndjson", WORKBOOK}
        assert {"200", "400", "401", "403", "413", "415", "503"} <= set(
            paths[url][method]["responses"]
        )
        assert "example" in content["text/csv"]


@ON_ONE_DATABASE
@pytest.mark.parametrize(("method", "url"), [("PUT", URL), ("POST", PREVIEW)])
@pytest.mark.parametrize("kind", ["application/json", "application/pdf", "text/html", None])
def test_other_types_are_told_which_are_right(sent, method, url, kind):
    answer = sent(method, url, PLAIN, kind=kind)
    assert answer.status_code == 415
    for right in ("text/csv", "application/x-ndjson", WORKBOOK):
        assert right in answer.json["message"]
