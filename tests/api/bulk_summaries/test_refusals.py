"""Bad lines, period types that don't fit, and files that are refused."""

import gzip
import json
import math
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app import create_app
from tests.api.bulk_summaries.support import HEADER, LINE, MANY, NDJSON, URL, of_acme, stored
from tests.api.support import changes, row

SKIP = "?skipBadLines=true"


def test_a_line_with_the_key_of_an_earlier_one_is_bad(put):
    text = HEADER + "?,daily,?,,,,\n" + LINE + LINE.replace(",3,", ",4,") + "\n"
    text += LINE.replace("a,", "b,", 1) + LINE.replace(",3,", ",5,") + "a/b" + LINE
    answer = put(text, SKIP)
    assert changes(answer) == {"received": 2, "inserted": 2, "rejected": 4}
    reason = "Has the same key as an earlier line."
    assert [error["line"] for error in answer.json["errors"]] == [2, 4, 7, 8]
    assert [error["message"] for error in answer.json["errors"][1:3]] == [reason, reason]
    assert [found[5] for found in stored()] == [3, 3]
    strict = put(HEADER + LINE + LINE.replace(",3,", ",9,"))
    assert strict.status_code == 400
    assert strict.json["errors"] == {"body": {"line 3": [reason]}}
    assert [found[5] for found in stored()] == [3, 3]


def test_of_very_many_bad_lines_the_first_100_are_named_in_order_and_nothing_is_loaded(put):
    bad = "x,?,?,,,,\n"
    answer = put(MANY + bad * 500, SKIP)
    assert answer.status_code == 400 and "More than 100 bad lines" in answer.json["message"]
    assert list(answer.json["errors"]["body"]) == [f"line {n}" for n in range(2802, 2902)]
    answer = put(HEADER + bad * 60 + MANY.removeprefix(HEADER) * 2, SKIP)
    assert answer.status_code == 400
    assert list(answer.json["errors"]["body"]) == [
        f"line {n}" for n in (*range(2, 62), *range(2862, 2902))
    ]
    assert stored() == []


def test_alltime_is_a_conflict_with_daily_unless_it_is_replaced(put, load):
    alltime = {**row("a", 1), "periodType": "alltime", "periodKey": "alltime"}
    load({**alltime, "firstContactAt": "2026-01-01T00:00:00Z"})
    before = stored()
    refused = put(HEADER + LINE)
    assert refused.status_code == 409
    assert "alltime" in refused.json["message"] and "daily" in refused.json["message"]
    assert stored() == before
    answer = put(HEADER + LINE, "?replace=true")
    assert changes(answer) == {"received": 1, "inserted": 1, "deleted": 1}
    assert [found[1] for found in stored()] == ["2026-04-30"]
    assert of_acme("period_type") == "daily"


@pytest.mark.parametrize("place", [3, 257, 2000])
def test_rows_of_two_period_types_are_refused_and_the_line_named(put, place):
    put(HEADER + LINE)
    before, many = stored(), MANY.splitlines()
    many[place - 1] = "x,weekly,2026-W18,,1,1,2026-04-30"
    answer = put("\n".join(many), "?replace=true")
    assert answer.status_code == 400
    assert answer.json["message"].startswith(
        f"Line {place} is weekly, but the lines before it are daily: all rows"
    )
    assert stored() == before


def test_a_bad_line_does_not_settle_the_period_type(put):
    text = HEADER + "x,weekly,2026-W99,,1,1,2026-04-30\n" + LINE
    assert changes(put(text, SKIP)) == {"received": 1, "inserted": 1, "rejected": 1}


def test_an_alltime_row_needs_its_first_contact(put):
    answer = put(HEADER + "a,alltime,alltime,,1,1,2026-04-30\n")
    assert answer.status_code == 400
    reason = "firstContactAt: Is required for an alltime row."
    assert answer.json["errors"] == {"body": {"line 2": [reason]}}


@pytest.mark.parametrize("query", ["", "?strict=true", "?skipBadLines=false"])
def test_a_bad_line_keeps_the_whole_file_out(put, query):
    answer = put(f"{HEADER}{LINE}b,daily,yesterday,,1,1,2026-04-30\n", query)
    assert answer.status_code == 400
    reason = "periodKey: Must look like 2026-04-30 for a daily row."
    message = answer.json["message"]
    assert message.startswith("1 bad line; nothing was loaded.")
    assert f"1 × {reason.removesuffix('.')} (line 3)" in message
    assert answer.json["errors"]["body"]["line 3"] == [reason]
    assert stored() == []


def test_the_good_lines_are_loaded_if_bad_ones_may_be_skipped_and_the_reasons_counted(put):
    bad = "b,daily,yesterday,,1,1,2026-04-30\n"
    answer = put(HEADER + LINE + bad * 7 + LINE, SKIP)
    assert changes(answer) == {"received": 1, "inserted": 1, "rejected": 8}
    assert answer.json["reasons"] == [
        {
            "message": "periodKey: Must look like 2026-04-30 for a daily row.",
            "count": 7,
            "lines": [3, 4, 5, 6, 7],
        },
        {"message": "Has the same key as an earlier line.", "count": 1, "lines": [10]},
    ]


def test_the_old_parameter_strict_says_what_took_its_place(put):
    answer = put(HEADER + LINE, "?strict=false")
    assert answer.status_code == 400
    assert "skipBadLines=true" in answer.json["errors"]["query"]["strict"][0]
    assert stored() == []


def test_bad_lines_are_never_skipped_when_the_file_replaces_everything(put):
    answer = put(HEADER + LINE, "?replace=true&skipBadLines=true")
    assert answer.status_code == 400
    assert "replace" in answer.json["errors"]["query"]["skipBadLines"][0]
    assert put(HEADER + LINE, "?replace=true&skipBadLines=false").status_code == 200


@pytest.mark.parametrize(
    ("body", "kind", "status", "says"),
    [
        (HEADER + LINE, "application/json", 415, "text/csv or application/x-ndjson"),
        (HEADER + LINE, None, 415, "text/csv or application/x-ndjson"),
        ("", "text/csv", 400, "must name the columns customerId, periodType, periodKey"),
        (HEADER, "text/csv", 400, "There are no interaction summaries in the file."),
        ("\n\n", NDJSON, 400, "There are no interaction summaries in the file."),
        (HEADER.replace("periodKey,", ""), "text/csv", 400, "there is no periodKey in it"),
        (HEADER.replace("offerId", "offer"), "text/csv", 400, "names 'offer', which is no column"),
        (HEADER.replace("offerId", "customer_id"), "text/csv", 400, "customerId more than once"),
        (HEADER.replace(",", ";") + LINE, "text/csv", 400, "must name the columns"),
        (gzip.compress(MANY.encode(), mtime=0)[:2000], "text/csv", 400, "gzip"),
        (b"\x1f\x8b broken", NDJSON, 400, "gzip"),
        (b"\xff\xfe\x00\n" * 10, "text/csv", 400, "must name the columns"),
        ("x" * 3_000_000, "text/csv", 400, "must name the columns"),
    ],
)
def test_what_is_no_file_of_summaries_is_refused(put, body, kind, status, says):
    answer = put(body, kind=kind)
    assert answer.status_code == status, answer.text
    assert says in answer.json["message"]
    assert stored() == []


def test_who_may_is_asked_first_then_the_content_type_then_the_rest(client, headers, tenant):
    def status(role, query="", kind="text/csv", **more):
        found = client.put(
            f"{URL}{query}",
            data=HEADER + LINE,
            content_type=kind,
            headers={**(headers(role) if role else {}), **more},
        )
        return found.status_code

    assert status(None, "?x=1", "text/plain") == 401
    assert status("viewer", "?x=1", "text/plain") == 403
    assert status("editor", "?x=1", "text/plain", **{"X-Tenant-Id": "other"}) == 403
    assert status("editor", "?x=1", "text/plain") == 415
    assert status("editor", "?x=1") == 400
    assert status("editor", "?replace=maybe") == 400
    assert stored() == []
    assert status("editor", "?strict=true&replace=false") == 200
    assert status("admin") == 200


def test_a_gzip_that_inflates_too_far_is_refused(settings, app, headers):
    narrow = create_app(replace(settings, max_inflated_mb=1)).test_client()
    bomb = gzip.compress((HEADER + LINE * 30_000).encode())
    answer = narrow.put(URL, data=bomb, content_type="text/csv", headers=headers("editor"))
    assert answer.status_code == 413
    assert "inflates" in answer.json["message"] and stored() == []


GOOD = {
    "customerId": "a",
    "periodType": "daily",
    "periodKey": "2026-04-30",
    "lastContactAt": "2026-04-30T09:15:00Z",
}
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2_000_000_000) | st.just(10**400),
    st.floats(),
    st.text(max_size=5) | st.characters(categories=("Cc", "Cs", "Zs")),
    st.sampled_from(["", ".", "a/b", "x" * 129, "7", "1.5", "daily", "alltime", "2026-04-30"]),
    st.sampled_from(["2026-04-30T09:15Z", "2999-01-01", "1969-12-31", "2026-04-30T09:15:00"]),
    st.lists(st.integers(), max_size=1),
    st.dictionaries(st.text(max_size=2), st.none(), max_size=1),
)
NAMES_OF_FIELDS = [*GOOD, "offerId", "creativeId", "channelId", "impressions", "converts"]
NAMES_OF_FIELDS += ["totalValue", "firstContactAt", "surprise"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(odd=st.dictionaries(st.sampled_from(NAMES_OF_FIELDS), ODD, max_size=3), missing=st.data())
def test_post_and_put_refuse_the_same_rows_for_the_same_reasons(client, shared_key, odd, missing):
    offered = {**GOOD, "impressions": 1, **odd}
    for name in missing.draw(st.sets(st.sampled_from(NAMES_OF_FIELDS), max_size=1)):
        offered.pop(name, None)
    text = json.dumps(offered)
    posted = client.post(
        URL,
        data=f'{{"data": [{text}]}}',
        content_type="application/json",
        headers=shared_key,
    )
    sent = client.put(f"{URL}?replace=true", data=text, content_type=NDJSON, headers=shared_key)
    assert sent.status_code == posted.status_code, (text, posted.json, sent.json)
    if posted.status_code == 200:
        # The same row is there already.
        assert sent.json["updated"] == sent.json["inserted"] == 0
        return
    if any(isinstance(value, float) and not math.isfinite(value) for value in offered.values()):
        assert sent.json["errors"]["body"]["line 1"] == ["The line is not JSON."]
        return
    reasons = posted.json["errors"]["json"]["data"]["0"]
    listed = [f"{name}: {reason}" for name, found in reasons.items() for reason in found]
    assert sent.json["errors"]["body"]["line 1"][0] in listed


@pytest.fixture
def shared_key(headers):
    """One key for all examples of a test."""
    return headers("editor")
