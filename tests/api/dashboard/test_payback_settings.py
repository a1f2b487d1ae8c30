"""Gross margin and acquisition cost on the page Settings."""

import re

import pytest

from tests.api.dashboard.support import ORIGIN, sign_in, token_of

FORM = {
    "recency": "35",
    "frequency": "35",
    "monetary": "30",
    "atRiskDays": "30",
    "lifespanMonths": "24",
    "minTenureMonths": "6",
    "churnHorizonDays": "90",
    "model": "rfm",
    "timeZone": "UTC",
    "currency": "USD",
}


@pytest.fixture
def save(client, key):
    """Send the form as an admin."""
    sign_in(client, key("admin"))

    def send(**more: str):
        form = {**FORM, "form_token": token_of(client), **more}
        return client.post("/settings", data=form, headers=ORIGIN)

    return send


@pytest.fixture
def shown(client):
    """What the form has."""

    def read() -> tuple[str, ...]:
        text = client.get("/settings").text
        names = ("grossMargin", "acquisitionCost")
        return tuple(re.search(rf'name="{name}" value="(.*?)"', text)[1] for name in names)

    return read


def test_margin_in_percent_and_cost_are_saved_and_shown(save, shown, client, headers):
    assert save().status_code == 303 and shown() == ("100", "")
    assert save(grossMargin="37.5", acquisitionCost="12.3456").status_code == 303
    assert shown() == ("37.5", "12.3456")
    saved = client.get("/api/v1/settings", headers=headers()).json
    assert (saved["grossMargin"], saved["acquisitionCost"]) == (0.375, 12.3456)
    assert save(grossMargin="37.5", acquisitionCost=" ").status_code == 303
    assert shown() == ("37.5", "")


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"grossMargin": "101"}, "The gross margin must be from 0 to 100 %."),
        ({"grossMargin": ""}, "The gross margin must be from 0 to 100 %."),
        ({"grossMargin": "nan"}, "The gross margin must be from 0 to 100 %."),
        ({"acquisitionCost": "-1"}, "acquisitionCost: Must be greater than or equal to 0."),
        ({"acquisitionCost": "dear"}, "acquisitionCost: Must be a number."),
        ({"acquisitionCost": "inf"}, "acquisitionCost: Must be a number"),
    ],
)
def test_what_is_wrong_is_said_in_the_words_of_the_form(save, shown, more, reason):
    answer = save(**{"grossMargin": "50", "acquisitionCost": "5", **more})
    assert answer.status_code == 400 and reason in answer.text
    assert shown() == ("100", "")
