"""The parameters of both endpoints: what they refuse, and in which order."""

import pytest

from tests.api.transactions.support import PLAIN, PREVIEW, URL, stored
from tests.conftest import ON_ONE_DATABASE

BOTH = pytest.mark.parametrize(("method", "url"), [("PUT", URL), ("POST", PREVIEW)])


@ON_ONE_DATABASE
@BOTH
@pytest.mark.parametrize(
    ("parameter", "values", "says"),
    [
        ("customer", [""], "1"),
        ("customer", ["a,,b"], "1 to 500 characters"),
        ("customer", ['"a'], '"Name, first"'),
        ("customer", ["x" * 501], "1 to 500 characters"),
        ("time", ["a,b,c"], "2"),
        ("amount", [",".join("x" * 21)], "20"),
        ("orderLines", ["last"], "sum, first"),
        ("delimiter", ["dot"], "semicolon"),
        ("decimal", ["'"], "Must be one of"),
        ("dateOrder", ["ydm"], "ymd, dmy, mdy"),
        ("timeZone", ["CET+1"], "Europe/Berlin"),
        ("timeZone", [""], "Europe/Berlin"),
        ("headerLine", ["0"], "1"),
        ("headerLine", ["two"], "integer"),
        ("rate", ["USD"], "USD:0.92"),
        ("rate", ["USD:0"], "0.000000001"),
        ("rate", ["USD:-1"], "USD:0.92"),
        ("rate", ["USD:1e5"], "USD:0.92"),
        ("rate", ["USD:NaN"], "USD:0.92"),
        ("rate", ["US:0.92"], "USD:0.92"),
        ("rate", ["USD:0.92", "usd:0.93"], "only one rate"),
        ("rate", [f"{a}{b}X:1" for a in "ABC" for b in "ABCDEFG"], "20"),
        ("refund", ["a", "b"], "only once"),
        ("profile", ["a", "b"], "only once"),
        ("charset", ["utf-8"], "Unknown"),
    ],
)
def test_a_parameter_that_is_wrong_is_named(sent, method, url, parameter, values, says):
    answer = sent(method, url, PLAIN, {parameter: values})
    assert answer.status_code == 400, answer.text
    texts = answer.json["errors"]["query"][parameter]
    assert says in str(texts) and parameter in answer.json["message"]
    assert stored() == []


@ON_ONE_DATABASE
@pytest.mark.parametrize(
    ("query", "parameter", "says"),
    [
        ({"strict": "false"}, "strict", "skipBadLines=true"),
        ({"skipBadLines": "true", "replace": "true"}, "skipBadLines", "replace"),
        ({"partial": "true"}, "partial", "Unknown"),
    ],
)
def test_a_load_refuses_parameters_that_contradict_it(put, query, parameter, says):
    answer = put(PLAIN, query)
    assert answer.status_code == 400, answer.text
    assert says in answer.json["errors"]["query"][parameter][0]
    assert stored() == []


@ON_ONE_DATABASE
@pytest.mark.parametrize("parameter", ["strict", "replace", "skipBadLines"])
def test_a_preview_takes_no_parameters_about_storing(preview, parameter):
    answer = preview(PLAIN, {parameter: "true"})
    assert answer.status_code == 400, answer.text
    assert answer.json["errors"]["query"][parameter] == ["Unknown field."]


def test_the_old_parameter_strict_is_ignored_when_true(put):
    assert put(PLAIN, {"strict": "true"}).status_code == 200
    bad = put(f"{PLAIN}c,yesterday,1\n", {"strict": "true"})
    assert bad.status_code == 400 and list(bad.json["errors"]["body"]) == ["line 5"]
    good = put(f"{PLAIN}c,yesterday,1\n", {"strict": "true", "skipBadLines": "true"})
    assert good.json["rejected"] == 1


@BOTH
def test_who_may_is_asked_first_then_the_content_type_then_the_rest(
    client, headers, tenant, method, url
):
    def status(role, query="", kind="text/csv", **more):
        answer = client.open(
            f"{url}{query}",
            method=method,
            data=PLAIN,
            content_type=kind,
            headers={**(headers(role) if role else {}), **more},
        )
        return answer.status_code

    assert status(None, "?x=1", "text/plain") == 401
    assert status("viewer", "?x=1", "text/plain") == 403
    assert status("editor", "?x=1", "text/plain", **{"X-Tenant-Id": "other"}) == 403
    assert status("editor", "?x=1", "text/plain") == 415
    assert status("editor", "?x=1") == 400
    assert stored() == []
    assert status("editor") == status("admin") == 200


@ON_ONE_DATABASE
@pytest.mark.parametrize("url", [URL, PREVIEW])
def test_other_methods_are_told_which_are_right(client, headers, tenant, url):
    answer = client.patch(url, headers=headers("editor"))
    assert answer.status_code == 405 and answer.headers["Allow"]


@ON_ONE_DATABASE
def test_a_column_is_taken_as_it_is_named(put):
    text = 'Kunde,"Name, first",date,amount\nx,a,2026-04-30,1\n'
    for customer in ('"Name, first"', ["Name, first", "Kunde"], '"Name, first",Kunde'):
        answer = put(text, {"customer": customer})
        assert answer.status_code == 200, answer.text
        assert [row[0] for row in stored()] == ["a"]
