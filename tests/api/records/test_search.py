"""Customers found by a part of their ids."""

import unicodedata
from random import Random

import pytest

from tests.api.records.support import CSV, brute, of_csv, seeded, shown
from tests.api.support import insert_records, numbered_records

IDS = [
    *("Anna.Smith@example.com", "anna smith", "ANNA-1", "hannah", "a_b", "a%b", "axb", "a\\b"),
    *("Jürgen", "JÜRGEN", "jurgen", "Ju\u0308rgen", "Zoë", "ZOË", "zoe", "анна", "АННА-7", "Анна"),
    *("客户-1", "[a]", "a*b", "a?b", "^a$", "a.b", "x-y]", "straße", "STRASSE", "ǆ", "Ǆ", "i", "İ"),
    *("a'b", 'a"b', "🎈balloon", "(a|b)", "{2}", "a\\%b", "ΣΑΣ", "σας", "a,b;c"),
]


@pytest.fixture
def found(walk, job):
    """The ids that a search finds."""
    made = seeded(5, len(IDS) + 9, job[0])
    for record, customer_id in zip(made, IDS, strict=False):
        record["customer_id"] = customer_id
    insert_records(made)

    def ids(part: str, **query) -> list[str]:
        return [entry["customerId"] for entry in walk(search=part, **query)]

    return ids


def has(customer_id: str, part: str) -> bool:
    """Whether an id contains a part, as it is or composed, letters of either case."""
    return any(_contains(customer_id, form) for form in (part, unicodedata.normalize("NFC", part)))


def _contains(customer_id: str, part: str) -> bool:
    starts = range(len(customer_id) - len(part) + 1)
    return any(all(map(_same, part, customer_id[start:])) for start in starts)


def _same(wanted: str, other: str) -> bool:
    return other in (wanted, wanted.lower(), wanted.upper())


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ("anna", ["ANNA-1", "Anna.Smith@example.com", "anna smith", "hannah"]),
        ("NNA.s", ["Anna.Smith@example.com"]),
        ("@EXAMPLE.com", ["Anna.Smith@example.com"]),
        ("a_b", ["a_b"]),
        ("%", ["a%b", "a\\%b"]),
        ("\\", ["a\\%b", "a\\b"]),
        ("a*b", ["a*b"]),
        ("?", ["a?b"]),
        ("[A]", ["[a]"]),
        ("Y]", ["x-y]"]),
        ("^a$", ["^a$"]),
        ("jürg", ["JÜRGEN", "Jürgen"]),
        ("JU\u0308RG", ["Ju\u0308rgen", "JÜRGEN", "Jürgen"]),
        ("Ë", ["ZOË", "Zoë"]),
        ("аннА", ["АННА-7", "Анна", "анна"]),
        ("户-", ["客户-1"]),
        ("straße", ["straße"]),
        ("ǆ", ["Ǆ", "ǆ"]),
        ("'", ["a'b"]),
        ('"', ['a"b']),
        ("🎈B", ["🎈balloon"]),
        ("(a|b)", ["(a|b)"]),
        ("nobody", []),
        ("' OR 1=1 --", []),
        ("a/b", []),
        ("x" * 128, []),
    ],
)
def test_a_part_of_an_id_finds_it_in_letters_of_either_case(found, part, expected):
    assert found(part) == expected


def test_space_around_the_part_is_left_out(found):
    assert found(" smith ") == found("smith") != []


def test_any_part_of_any_id_finds_what_a_plain_loop_finds(found):
    random, others = Random(3), found("c00", limit=100)
    for _ in range(150):
        one = random.choice(IDS)
        start = random.randrange(len(one))
        part = one[start : start + random.randint(1, 5)].strip()
        part = random.choice([part, part.upper(), part.lower(), part.swapcase()])
        if part:
            expected = sorted(one for one in (*IDS, *others) if has(one, part))
            assert found(part, limit=100) == expected, part


def test_it_finds_the_first_wherever_they_are(get, job):
    records = numbered_records(5_000)
    # As many as a page has, at both ends, in the middle, and everywhere.
    for number in range(25):
        for start, name in ((0, "early"), (2_500, "middle"), (4_970, "late")):
            records[start + number]["customer_id"] += name
    insert_records(records)
    ids = [one["customer_id"] for one in records]
    for part in ("EARLY", "Middle", "late", "00", "1"):
        for sort in ("customerId", "-customerId"):
            found = [one for one in sorted(ids, reverse=sort[0] == "-") if part.lower() in one]
            for limit in (20, 25, 100):
                listed = get(search=part, sort=sort, limit=limit).json["data"]
                assert [one["customerId"] for one in listed] == found[:limit], (part, sort, limit)


def test_it_combines_with_filters_sorts_pages_the_total_and_files(walk, get, job):
    records = seeded(7, 150, job[0])
    insert_records(records)
    for sort in ("customerId", "-customerId", "-rfmMonetary", "churnProbability"):
        query = {"minScore": 30, "segment": "high"}
        expected = [r for r in brute(records, query, sort) if "00" in r["customer_id"]]
        assert expected
        walked = walk(**query, search="00", sort=sort, limit=3)
        assert walked == [shown(r, job[1]) for r in expected]
        lines = of_csv(get(CSV, **query, search="00", sort=sort).text)
        assert [line["customerId"] for line in lines] == [r["customer_id"] for r in expected]
        pagination = get(**query, search="00", limit=1).json["pagination"]
        assert pagination["total"] is None
        counted = get(**query, search="00", count="true").json["pagination"]["total"]
        assert counted == len(expected)


@pytest.mark.parametrize("part", ["", " ", "a\0b", "a\nb", "\t", "x" * 129])
def test_what_no_id_can_contain_is_refused(get, part):
    answer = get(search=part)
    assert answer.status_code == 400
    assert list(answer.json["errors"]["query"]) == ["search"]


def test_a_search_finds_no_customer_of_another_tenant(client, headers, get, records):
    other = client.get("/api/v1/clv/records?search=c00&count=1", headers=headers("viewer", "other"))
    assert other.json["data"] == [] and other.json["pagination"]["total"] == 0
    assert get(search="c00", count=1).json["pagination"]["total"] > 0


def test_an_erased_customer_is_not_found_any_more(client, headers, found):
    assert found("hannah") == ["hannah"]
    assert client.delete("/api/v1/customers/hannah", headers=headers()).status_code == 204
    assert found("hannah") == []
