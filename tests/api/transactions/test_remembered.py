"""A mapping that was used is remembered for the tenant by the file's header."""

import pytest

from clv import db
from tests.api.pages import Visitor
from tests.api.transactions.support import URL, stored

HEADER = "What;When;Who;Whose;Much"
ROW = "Mug;03/04/2026;a;z;10,50"
FILE = f"{HEADER}\n{ROW}\n"
CHOICES = {"customer": "Who", "time": "When", "amount": "Much", "dateOrder": "dmy"}
STORED = [("a", "2026-04-03", 1, 1, 105_000)]


def other_order(text: str) -> str:
    """The same table with its columns the other way round."""
    return "".join(";".join(line.split(";")[::-1]) + "\n" for line in text.splitlines())


def remembered() -> int:
    with db.scope():
        return db.value("SELECT COUNT(*) FROM file_mapping")


@pytest.fixture
def load(app, headers, put, tmp_path):
    """Load a file with choices, by one way in; whether it was loaded, and what was said."""

    def send(way, text, choices=()):
        if way == "PUT":
            answer = put(text, choices)
            return answer.status_code == 200, answer.text
        if way == "page":
            query = "&".join(f"{name}={value}" for name, value in dict(choices).items())
            visitor = Visitor(app, headers("editor"))
            answer = visitor.put(f"/data/transactions?{query}", text.encode())
            return answer.status_code == 200, answer.text
        path = tmp_path / "orders.csv"
        path.write_text(text)
        names = {"dateOrder": "date-order"}
        options = [f"--{names.get(name, name)}={value}" for name, value in dict(choices).items()]
        args = ["import", str(path), "--tenant", "acme", *options]
        done = app.test_cli_runner().invoke(args=args)
        return done.exit_code == 0, done.output

    return send


@pytest.mark.parametrize("way", ["PUT", "page", "command"])
def test_what_was_chosen_once_is_not_asked_again(way, load, put, preview):
    assert not load(way, FILE)[0]
    loaded, said = load(way, FILE, CHOICES)
    assert loaded, said
    assert stored() == STORED
    for text in (FILE, other_order(FILE), FILE.replace("Mug", "Cap").replace("Who;", "WHO ;")):
        shown = preview(text).json
        assert (shown["questions"], shown["total"]) == ([], 10.5)
        assert [name.strip().lower() for name in shown["mapping"]["customer"]] == ["who"]
        for other_way in ("PUT", "page", "command"):
            loaded, said = load(other_way, text)
            assert loaded, said
        assert stored() == STORED
    assert remembered() == 1


def test_another_tenant_is_asked(put, client, headers):
    put(FILE, CHOICES)
    more = {"data": FILE, "content_type": "text/csv", "headers": headers("editor", "other")}
    refused = client.put(URL, **more)
    assert refused.status_code == 400 and "customer" in refused.json["errors"]["query"]
    assert client.put(URL, query_string={**CHOICES, "customer": "Whose"}, **more).status_code == 200
    assert client.put(URL, **more).json["unchanged"] == 1
    assert put(FILE).json["unchanged"] == 1
    assert {row[0] for row in stored()} == {"a", "z"}


def test_a_choice_overrules_what_is_remembered_and_is_remembered_instead(put, preview):
    put(FILE, CHOICES)
    answer = put(FILE, {"customer": "Whose", "replace": "true"})
    assert answer.status_code == 200, answer.text
    assert [row[:2] for row in stored()] == [("z", "2026-04-03")]
    assert preview(FILE).json["mapping"]["customer"] == ["Whose"]
    # The rest stays as it was.
    assert preview(FILE).json["reading"]["dateOrder"] == "dmy"
    assert remembered() == 1


def test_another_header_is_another_file(put):
    put(FILE, CHOICES)
    assert put(FILE.replace("Whose", "Where")).status_code == 400
    assert remembered() == 1


@pytest.mark.parametrize(
    ("text", "choices"),
    [
        (FILE.replace("10,50", "much"), CHOICES),
        (FILE, {**CHOICES, "currency": "Euro"}),
        (FILE, {"customer": "Who", "time": "When", "amount": "Much"}),
        (FILE, {**CHOICES, "profile": "shopify"}),
        (f"{HEADER}\n", CHOICES),
        (f'{FILE}Mug;03/04/2026;a;z;"10,50\n', CHOICES),
    ],
    ids=["bad line", "no currency", "open question", "misfit", "no rows", "quote"],
)
def test_what_was_refused_is_not_remembered(put, preview, text, choices):
    assert put(text, choices).status_code == 400
    assert remembered() == 0
    assert "customer" in [one["parameter"] for one in preview(FILE).json["questions"]]


def test_what_was_only_previewed_is_not_remembered(put, preview):
    assert preview(FILE, CHOICES).json["questions"] == []
    assert remembered() == 0


def test_a_conflict_remembers_nothing(put, client, headers):
    row = {
        "customerId": "x",
        "periodType": "monthly",
        "periodKey": "2026-03",
        "impressions": 1,
        "lastContactAt": "2026-03-30T00:00:00Z",
    }
    client.post("/api/v1/interaction-summaries", json={"data": [row]}, headers=headers("editor"))
    assert put(FILE, CHOICES).status_code == 409
    assert remembered() == 0


def test_rates_and_what_a_file_shows_itself_are_for_one_file(put):
    text = "Who;When;Much;Currency\na;2026-04-03;10,50;USD\n"
    more = {"currency": "EUR", "rate": "USD:0.5", "encoding": "utf-8", "delimiter": "semicolon"}
    answer = put(text, {**CHOICES, **more})
    assert answer.status_code == 200, answer.text
    assert stored()[0][4] == 52_500
    again = put(text)
    assert again.status_code == 400 and "rate" in again.json["errors"]["query"]
    assert put(text.replace(";", "\t"), {"rate": "USD:0.6"}).status_code == 200
    assert stored()[0][4] == 63_000
