"""Each sample of a real layout over HTTP: what it previews, asks, stores, leaves out and warns of.

What is expected is the table of :mod:`tests.support.exports`.
"""

import pytest

from tests.api.transactions.support import cents, expected_summaries, stored
from tests.support.exports import SAMPLES

SAMPLE = pytest.mark.parametrize("sample", SAMPLES, ids=str)


@pytest.fixture(autouse=True)
def in_berlin(client, headers, tenant):
    """The tenant's days are those of Berlin."""
    answer = client.put(
        "/api/v1/settings", json={"timeZone": "Europe/Berlin"}, headers=headers("admin")
    )
    assert answer.status_code == 200, answer.text


@SAMPLE
def test_a_sample_is_previewed_as_it_is_loaded(sample, preview, put):
    body = sample.path.read_bytes()
    shown = preview(body, sample.choices)
    if sample.refused:
        for answer in (shown, put(body)):
            assert answer.status_code == 400 and sample.refused in answer.json["message"]
        return
    assert shown.status_code == 200, shown.text
    assert shown.json["profile"] == sample.profile
    asked = {question["parameter"] for question in preview(body).json["questions"]}
    assert asked == set(sample.questions)
    if asked and not sample.choices:
        return
    assert shown.json["questions"] == [] and shown.json["badLines"]["count"] == 0
    rows = [
        (row["customerId"], row["day"], row["amount"], row["kind"]) for row in shown.json["sample"]
    ]
    assert rows == [(row[0], row[1], cents(row[2]), row[3]) for row in sample.rows]
    assert sum(one["rows"] for one in shown.json["leftOut"]) == sum(sample.left_out.values())
    assert {warning["code"] for warning in shown.json["warnings"]} == set(sample.warnings)
    loaded = put(body, sample.choices)
    assert loaded.status_code == 200, loaded.text
    assert loaded.json["profile"] == sample.profile
    assert loaded.json["leftOut"] == shown.json["leftOut"]
    assert loaded.json["warnings"] == shown.json["warnings"]
    assert stored() == expected_summaries(sample)


@SAMPLE
def test_what_is_open_is_a_400_that_names_it(sample, put):
    if not sample.questions:
        return
    answer = put(sample.path.read_bytes())
    assert answer.status_code == 400
    assert set(answer.json["errors"]["query"]) == set(sample.questions)
    assert stored() == []


@SAMPLE
def test_a_sample_gives_the_tenant_its_currency_and_loaded_again_changes_nothing(
    sample, put, client, headers
):
    if not sample.rows:
        return
    body = sample.path.read_bytes()
    assert put(body, sample.choices).status_code == 200
    if sample.currency:
        settings = client.get("/api/v1/settings", headers=headers("viewer")).json
        assert settings["currency"] == sample.currency
    # A rate is for one file; the other answers are remembered.
    again = put(body, {key: text for key, text in sample.choices.items() if key == "rate"})
    assert again.status_code == 200, again.text
    changed = {name: again.json[name] for name in ("inserted", "updated", "deleted", "lowered")}
    assert set(changed.values()) == {0}, changed
    assert stored() == expected_summaries(sample)
