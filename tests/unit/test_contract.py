"""The check of answers against the OpenAPI document finds what it is there to find."""

import copy

import pytest

from tests.api.support import row
from tests.support.contract import check, document_of, exchange_of

URL = "/api/v1/customers/a/clv"
OPERATION = ("paths", "/api/v1/customers/{customerId}/clv", "get", "responses")
CLV = ("components", "schemas", "Clv", "properties")


def without(*path):
    def change(document) -> None:
        *inner, last = path
        for name in inner:
            document = document[name]
        del document[last]

    return change


def with_value(value, *path):
    def change(document) -> None:
        *inner, last = path
        for name in inner:
            document = document[name]
        document[last] = value

    return change


@pytest.fixture
def answer(client, headers, load):
    load(row("a", 1))
    return exchange_of(client.get(URL, headers=headers()))


def test_a_right_answer_passes(app, answer):
    check(document_of(app), answer)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (without(*CLV, "segment"), "'segment' was unexpected"),
        (without(*OPERATION, "200"), "the status is not documented"),
        (without("paths", OPERATION[1], "get"), "is not documented"),
        (with_value("boolean", *CLV, "clvScore", "type"), "clvScore: "),
        (with_value(["absent"], "components", "schemas", "Clv", "required"), "'absent' is a req"),
        (with_value({"X-New": {"required": True}}, *OPERATION, "200", "headers"), "X-New"),
        (with_value({"text/plain": {}}, *OPERATION, "200", "content"), "application/json is not"),
        (with_value("date", *CLV, "computedAt", "format"), "computedAt: "),
    ],
)
def test_an_answer_that_differs_fails(app, answer, change, reason):
    document = copy.deepcopy(document_of(app))
    change(document)
    with pytest.raises(AssertionError, match=reason) as caught:
        check(document, answer)
    assert f"GET {URL}: 200" in str(caught.value)


def test_a_header_that_is_not_documented_is_found(app, answer):
    answer.headers["X-Debug"] = "1"
    with pytest.raises(AssertionError, match="the header X-Debug is not documented"):
        check(document_of(app), answer)


@pytest.mark.parametrize("allow", [None, "GET", "GET, POST, PUT"])
def test_a_wrong_method_must_be_told_which_are_right(app, client, allow):
    refused = exchange_of(client.delete(URL))
    assert refused.status == 405
    refused.headers.remove("Allow")
    if allow:
        refused.headers["Allow"] = allow
    with pytest.raises(AssertionError, match="DELETE .*: 405: "):
        check(document_of(app), refused)
