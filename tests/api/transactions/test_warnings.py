"""What a person should look at before a file is loaded, each with its figure."""

import pytest

from tests.api.transactions.support import HEADER
from tests.conftest import ON_ONE_DATABASE

CODES = ("one_order_each", "names", "large_customer", "older_file", "time_zone", "encoding")


@pytest.fixture
def warned(put, preview):
    """The warnings of a file by code, which a preview and a load have alike."""

    def warnings(body, query=()):
        shown, loaded = preview(body, query), put(body, query)
        assert (shown.status_code, loaded.status_code) == (200, 200), loaded.text
        assert shown.json["warnings"] == loaded.json["warnings"]
        texts = {one["code"]: one["message"] for one in loaded.json["warnings"]}
        assert set(texts) <= set(CODES) and len(texts) == len(loaded.json["warnings"])
        return texts

    return warnings


def rows(*customers: str, day: str = "2026-04-01") -> str:
    return HEADER + "".join(f"{customer},{day},1\n" for customer in customers)


def ids(count: int) -> list[str]:
    return [f"K-{n}" for n in range(count)]


@ON_ONE_DATABASE
def test_a_usual_file_gives_no_reason_to_ask(warned):
    assert warned(rows(*ids(60), *ids(30))) == {}


def test_of_ten_customers_each_has_exactly_one_order(warned):
    assert warned(rows(*ids(9))) == {}
    message = warned(rows(*ids(1_234)))["one_order_each"]
    assert "Each of the 1,234 customers has exactly one order" in message
    assert "'customer_id'" in message
    assert warned(rows(*ids(1_234), "K-0")) == {}


@ON_ONE_DATABASE
def test_names_instead_of_ids(warned):
    people = ("Ann Example", "Bo Placeholder", "Cy Example", "Ann Example")
    assert "e-mail addresses or customer numbers" in warned(rows(*people))["names"]
    assert "names" not in warned(rows("ann@example.com", "bo@example.com", "ann@example.com"))


def test_a_customer_with_more_than_a_twentieth_of_the_transactions(warned):
    assert warned(rows(*ids(95), *ids(5) * 1)) == {}
    message = warned(rows(*ids(94), *["17"] * 6))["large_customer"]
    assert "'17' has 6 of the 100 transactions (6%)" in message
    # A twentieth is no more than that.
    assert warned(rows(*ids(95), *["17"] * 5)) == {}


def test_a_file_that_is_older_than_the_data(warned, put):
    put(rows("a", "b", day="2026-05-03"))
    assert warned(rows("a", "b", "a", day="2026-05-03")) == {}
    message = warned(rows("a", "b", "a", day="2026-04-30"))["older_file"]
    assert "2026-04-30" in message and "2026-05-03" in message
    # To replace everything by an older file is what was wanted.
    assert put(rows("a", "b", "a", day="2026-04-30"), {"replace": "true"}).json["warnings"] == []


def test_days_of_another_time_zone_than_those_of_the_data(warned, put, days_of):
    assert warned(rows("a", "b", "a")) == {}
    days_of("Europe/Berlin")
    message = warned(rows("a", "b", "a"))["time_zone"]
    assert "UTC" in message and "Europe/Berlin" in message and "replaces everything" in message
    put(rows("a", "b", "a"), {"replace": "true"})
    assert warned(rows("a", "b", "a")) == {}
    days_of("UTC")
    assert "time_zone" in warned(rows("a", "b", "a"))


@ON_ONE_DATABASE
def test_an_encoding_that_is_only_likely(warned):
    text = rows("Müller-1", "Jäger-2", "Müller-1")
    assert "Windows-1252" in warned(text.encode("cp1252"))["encoding"]
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        assert warned(text.encode(encoding)) == {}
