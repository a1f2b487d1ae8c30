"""When the summary says that it is stale, or by other settings."""

from dataclasses import replace

import pytest

from clv import db
from clv.domain import overview
from tests.api.insights.support import SUMMARY
from tests.api.support import row
from tests.jobs.support import Bell, complete, compute_first_chunk, planned

HOUR = 3_600_000


def test_data_that_came_while_a_run_without_anybody_went_on_makes_it_stale(app, tenant, get, load):
    bell = Bell(app.extensions["clv"].queue.redis)
    with db.scope():
        run_id = planned(bell)
    load(row("a", 1))
    with db.scope():
        complete(run_id, bell)
    assert get(SUMMARY)["stale"] is True


def move_runs_back(hours: float) -> None:
    """As if the stored runs had been computed so many hours ago."""
    with db.scope():
        for run_id, text in db.rows("SELECT id, overview FROM run WHERE overview IS NOT NULL"):
            found = overview.from_json(text)
            moved = replace(found, as_of_ms=found.as_of_ms - int(hours * HOUR))
            db.execute(
                "UPDATE run SET overview = %s WHERE id = %s", (overview.to_json(moved), run_id)
            )
        db.execute("UPDATE tenant SET data_updated_ms = data_updated_ms - %s", (hours * HOUR,))


@pytest.mark.parametrize(("hours", "stale"), [(0, False), (35.9, False), (36.1, True)])
def test_a_full_run_older_than_36_hours_is_stale(run, get, load, hours, stale):
    load(row("a", 1))
    run()
    move_runs_back(hours)
    assert get(SUMMARY)["stale"] is stale
    run("at_risk")
    assert get(SUMMARY)["stale"] is stale
    run()
    assert get(SUMMARY)["stale"] is False


def test_data_newer_than_the_last_full_run_makes_it_stale(run, get, load):
    load(row("a", 1), row("b", 1))
    run()
    assert get(SUMMARY)["stale"] is False
    load(row("a", 0))
    shown = get(SUMMARY)
    assert shown["stale"] is True and shown["dataUpdatedAt"] > shown["lastFullRunAt"]
    # It computes some customers; the others' data is as new.
    run("medium")
    assert get(SUMMARY)["stale"] is True
    run()
    assert get(SUMMARY)["stale"] is False


def test_data_that_came_while_the_run_went_on_makes_it_stale(app, tenant, get, load):
    load(*(row(f"c{n:03}", 1) for n in range(60)))
    bell = Bell(app.extensions["clv"].queue.redis)
    with db.scope():
        run_id = planned(bell)
        compute_first_chunk(run_id, bell)
    load(row("c000", 0))
    with db.scope():
        complete(run_id, bell)
    assert get(SUMMARY)["stale"] is True


def test_an_upload_that_changes_nothing_does_not_make_it_stale(client, headers, run, get, load):
    same = row("a", 1, 2, 3)
    log = b"customer_id,date,amount\nb,2026-04-30,5\n"
    key = {**headers("editor"), "Content-Type": "text/csv"}
    load(same)
    client.put("/api/v1/transactions", data=log, headers=key)
    run()
    before = get(SUMMARY)
    assert load(same)["unchanged"] == 1
    assert load(row("nobody", 1, 0))["unchanged"] == 1
    again = client.put("/api/v1/transactions", data=log, headers=key)
    assert again.status_code == 200, again.text
    after = get(SUMMARY)
    assert (after["stale"], after["dataUpdatedAt"]) == (False, before["dataUpdatedAt"])


def delete_customer(client, headers, load) -> None:
    assert client.delete("/api/v1/customers/a", headers=headers()).status_code == 204


def delete_the_row(client, headers, load) -> None:
    assert load(row("a", 1, 0))["deleted"] == 1


def replace_everything(client, headers, load) -> None:
    key = {**headers(), "Content-Type": "text/csv"}
    log = b"customer_id,date,amount\nb,2026-04-30,5\n"
    answer = client.put("/api/v1/transactions?replace=true", data=log, headers=key)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("erase", [delete_customer, delete_the_row, replace_everything])
def test_an_erasure_makes_it_stale(client, headers, run, get, load, erase):
    load(row("a", 1), row("b", 1))
    run()
    erase(client, headers, load)
    assert get(SUMMARY)["stale"] is True
    # What was found stays as it was until the next run.
    assert get(SUMMARY)["customers"] == 2
    run()
    shown = get(SUMMARY)
    assert (shown["stale"], shown["customers"]) == (False, 1)


def test_changed_settings_are_noticed_until_they_are_back_or_a_run_used_them(
    client, headers, run, get, load
):
    key = headers()

    def change(**settings) -> bool:
        assert client.put("/api/v1/settings", json=settings, headers=key).status_code == 200
        return get(SUMMARY)["settingsChangedSinceLastRun"]

    load(row("a", 1), row("b", 50))
    assert change(atRiskDays=31) is False
    run()
    assert get(SUMMARY)["settingsChangedSinceLastRun"] is False
    assert change(atRiskDays=60) is True
    assert change(atRiskDays=31) is False
    assert change(weights={"recency": 0.2, "frequency": 0.3, "monetary": 0.5}) is True
    assert change(currency="EUR") is True
    # A run of a segment leaves the others with the settings of before.
    run("high")
    assert get(SUMMARY)["settingsChangedSinceLastRun"] is True
    run()
    shown = get(SUMMARY)
    assert (shown["settingsChangedSinceLastRun"], shown["currency"]) == (False, "EUR")
    assert change(timeZone="Asia/Kolkata") is True
    assert change(timeZone="UTC") is False
    # The currency is a name only.
    assert change(currency="USD") is False
    # Nor is a run of a segment undone by going back.
    assert change(lifespanMonths=12) is True
    run("medium")
    assert change(lifespanMonths=24) is True
