"""Audience files: the layouts of the services, and who is in them."""

import csv
import io
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from clv import db
from clv.files.audiences import TARGETS
from tests.api.records.support import CSV, NDJSON, NOON, URL
from tests.api.support import RECORD_COLUMNS, insert_records, numbered_records

GOLDEN = Path(__file__).parent / "audiences"
# Ids with revenue, churn, revenue to date, segment, days, interactions.
CUSTOMERS = [
    ("a.b+shop@gmail.com", 14_400_000, 0.11920292202211755, 3_600_000, "high", 5, 48),
    # From JSON, which keeps ids as they are.
    ("Anna.Smith@Example.com", 425_050, 1.0, -123_450, "at_risk", 400, 1),
    ("o'brien@example.co.uk", 0, 0.0, -49, "low", 0, 0),
    ("zoë@bücher.example", 999_999_999_999_949, 0.5, 999_999_999_999_900, "medium", 29, 7),
    ("=cmd@example.com", 10_000, 0.5, 10_000, "low", 29, 7),
    ("+49170@example.com", 10_000, 0.5, 10_000, "low", 29, 7),
    ("-x@example.com", 10_000, 0.5, 10_000, "low", 29, 7),
]
NO_ADDRESSES = [
    *("CUST-001", "nobody", "@example.com", "a@b", "a@@example.com", "a@b@example.com", "a@.com"),
    *("a b@example.com", "a,b@example.com", 'a"@example.com', "a@example.com;b@example.com"),
    *("a@example..com", "a@-example.com", "a@exa_mple.com", "a@10.0.0.1", "@SUM(1+1)", "a@b.c"),
    *("=1+1", "a\u2028b@example.com", "Anna <a@example.com>", "a|b@example.com", "a＠example.com"),
]


def record(customer_id: str, revenue: int, churn: float, paid: int, *others) -> dict:
    """A record of the first tenant."""
    values = (50.0, revenue, churn, *others[1:], paid, others[0], NOON, None, 9)
    return dict(zip(RECORD_COLUMNS.split(", "), (1, customer_id, *values), strict=True))


def names(count: int, name: str) -> list[dict]:
    """Records whose ids are made of their numbers."""
    made = numbered_records(count)
    return [{**one, "customer_id": name.format(one["customer_id"])} for one in made]


@pytest.fixture
def shop(tenant) -> None:
    """Customers of all kinds."""
    insert_records([record(*one) for one in CUSTOMERS])
    insert_records(record(one, 1, 0.0, 1, "low", 1, 1) for one in NO_ADDRESSES)


@pytest.mark.parametrize("target", TARGETS)
def test_a_file_is_its_golden_file(get, shop, target):
    answer = get(format=target)
    assert (answer.status_code, answer.mimetype) == (200, CSV)
    assert answer.data == (GOLDEN / f"{target}.csv").read_bytes()


@pytest.mark.parametrize(("target", "shown"), [("klaviyo", 4), ("google", 7), ("meta", 7)])
def test_it_says_how_many_are_in_it_and_how_many_are_left_out(get, shop, target, shown):
    answer = get(format=target)
    assert answer.headers["X-CLV-Customers"] == str(shown) == str(answer.text.count("\n") - 1)
    left_out = len(CUSTOMERS) + len(NO_ADDRESSES) - shown
    assert answer.headers["X-CLV-Left-Out"] == str(left_out)


def test_no_cell_begins_a_formula(get, shop):
    for target in TARGETS:
        rows = list(csv.reader(io.StringIO(get(format=target).text)))
        for row in rows[1:]:
            # A number may be negative.
            texts = [cell for cell in row if not re.fullmatch(r"-?\d+\.\d\d", cell)]
            assert texts and not [cell for cell in texts if cell[0] in "=+-@\t\r＝＋－＠'"]


def test_filters_sorts_and_searches_hold(get, shop):
    def emails(**query) -> list[str]:
        text = get(format="klaviyo", **query).text
        return [line["Email"] for line in csv.DictReader(io.StringIO(text))]

    assert emails(segment="at_risk") == ["anna.smith@example.com"]
    assert emails(minRevenue=1000, sort="-predictedRevenue")[1] == "a.b+shop@gmail.com"
    assert emails(search="SMITH") == ["anna.smith@example.com"]
    assert emails(search="@example.co", sort="-rfmRecency")[0] == "anna.smith@example.com"


@pytest.mark.parametrize("target", TARGETS)
def test_without_any_address_the_answer_says_so(client, headers, get, tenant, target):
    insert_records(names(3, "CUST-{}"))
    answer = get(format=target)
    assert answer.status_code == 400 and answer.mimetype == "application/json"
    assert list(answer.json["errors"]["query"]) == ["format"]
    assert TARGETS[target].name in answer.json["message"] and "3" in answer.json["message"]
    assert client.head(f"{URL}?format={target}", headers=headers("viewer")).status_code == 400


@pytest.mark.parametrize("target", TARGETS)
def test_a_list_of_nobody_is_a_file_with_its_header(get, shop, target):
    answer = get(format=target, search="nobody has this")
    assert answer.status_code == 200
    assert answer.text == ",".join(TARGETS[target].columns) + "\n"
    assert (answer.headers["X-CLV-Customers"], answer.headers["X-CLV-Left-Out"]) == ("0", "0")


@pytest.mark.parametrize("accept", [None, "application/json", CSV, NDJSON, "text/html"])
def test_the_format_counts_whatever_is_accepted(get, shop, accept):
    answer = get(accept, format="meta")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.text.startswith("email,value\n")


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"limit": 5}, "limit"),
        ({"cursor": "x"}, "cursor"),
        ({"count": "true"}, "count"),
        ({"include": "model"}, "include"),
        ({"format": "tiktok"}, "format"),
        ({"format": ""}, "format"),
        ({"format": "Meta"}, "format"),
    ],
)
def test_what_a_file_can_not_take_is_refused(get, shop, query, parameter):
    answer = get(**{"format": "google", **query})
    assert answer.status_code == 400
    assert list(answer.json["errors"]["query"]) == [parameter]


def test_its_name_has_the_target_the_segment_and_the_day_of_the_tenant(get, shop):
    with db.scope():
        db.execute("UPDATE tenant SET time_zone = 'Pacific/Kiritimati'")
    for query, list_name in (({}, ""), ({"segment": "high"}, "-high")):
        name = get(format="google", **query).headers["Content-Disposition"]
        today = datetime.now(UTC).timestamp() + 14 * 3600
        days = [datetime.fromtimestamp(today - late, UTC).date() for late in (0, 60)]
        assert name in [f"attachment; filename=clv-google{list_name}-{day}.csv" for day in days]


def test_a_long_file_has_everybody_once_in_the_order_of_the_list(get, tenant):
    made = names(5_500, "c{}@example.com") + names(5_500, "d{}")
    insert_records(made)
    for sort in ("customerId", "-customerId", "-rfmMonetary"):
        answer = get(format="klaviyo", sort=sort)
        emails = [line["Email"] for line in csv.DictReader(io.StringIO(answer.text))]
        expected = sorted((one["customer_id"] for one in made[:5_500]), reverse=sort[0] == "-")
        assert emails == expected
        assert answer.headers["X-CLV-Left-Out"] == "5500"


def test_another_tenant_has_none_of_it(client, headers, shop):
    answer = client.get(f"{URL}?format=google", headers=headers("viewer", "other"), buffered=True)
    assert (answer.status_code, answer.text) == (200, "Email\n")
    assert client.get(f"{URL}?format=google").status_code == 401
