"""What the answer has beside the figures: when they are from, and which are not known."""

from dataclasses import replace

import pytest

from clv import db
from clv.domain.calendar import time_ms
from clv.services import cohorts
from clv.services.maintenance import maintain
from clv.store import runs, tenants
from tests.api.cohorts.support import COHORTS, bought, corrected
from tests.api.support import days_ago, row

HISTORY = (
    bought("ann", "2025-01-31", 30),
    bought("ann", "2025-03-01", 10, 2),
    bought("bob", "2025-01-01", 10),
    bought("cem", "2025-03-15", 7),
    corrected("bob", "2025-02-02", -4),
)


def figures(cohort: dict) -> list:
    """By age, buyers, conversions and revenue."""
    return [age and (age["buyers"], age["conversions"], age["revenue"]) for age in cohort["ages"]]


def test_before_the_first_run_there_are_no_cohorts_and_it_says_why(load, read, tenant):
    assert read()["stale"] is False
    load(*HISTORY)
    report = read()
    assert (report["cohorts"], report["asOf"], report["earlier"]) == ([], None, None)
    assert report["stale"] is True and "No full run" in report["message"]
    assert (report["by"], report["currency"], report["timeZone"]) == ("month", "USD", "UTC")


def test_customers_are_followed_from_their_first_conversion(load, read, run):
    load(*HISTORY)
    run()
    report = read()
    january, march = report["cohorts"]
    assert (january["cohort"], january["customers"], january["revenue"]) == ("2025-01", 2, 46)
    assert figures(january) == [(2, 2, 40), (0, 0, -4), (1, 2, 10)]
    assert [age["share"] for age in january["ages"]] == [1, 0, 0.5]
    assert [age["cumulativeRevenuePerCustomer"] for age in january["ages"]] == [20, 18, 23]
    assert [age["cumulativeConversionsPerCustomer"] for age in january["ages"]] == [1, 1, 2]
    assert figures(march) == [(1, 1, 7)]
    assert report["earlier"] == {"cohorts": 0, "customers": 0, "revenue": 0}
    assert report["message"] is None and report["stale"] is False
    [first] = read("?by=quarter")["cohorts"]
    assert (first["cohort"], figures(first)) == ("2025-Q1", [(3, 5, 53)])


def test_a_correction_before_the_first_conversion_counts_at_age_0(load, read, run):
    load(
        corrected("ann", "2025-01-10", -3),
        bought("ann", "2025-03-10", 20),
        corrected("ben", "2025-02-10", -5),
        row("visitor", 9, 3, 8),
    )
    run()
    report = read()
    [cohort] = report["cohorts"]
    assert (cohort["cohort"], cohort["customers"]) == ("2025-03", 1)
    assert figures(cohort)[0] == (1, 1, 17)
    assert report["revenueWithoutConversion"] == 3


def test_margin_and_cost_need_no_new_run(client, headers, load, read, run):
    load(*HISTORY)
    run()
    assert [cohort["paybackAge"] for cohort in read()["cohorts"]] == [None, None]
    change = {"grossMargin": 0.5, "acquisitionCost": 11.5}
    client.put("/api/v1/settings", json=change, headers=headers())
    report = read()
    assert (report["grossMargin"], report["acquisitionCost"]) == (0.5, 11.5)
    january, march = report["cohorts"]
    assert [age["cumulativeMarginPerCustomer"] for age in january["ages"]] == [10, 9, 11.5]
    assert (january["paybackAge"], march["paybackAge"]) == (2, None)
    asked = read("?acquisitionCost=3.5")
    assert [cohort["paybackAge"] for cohort in asked["cohorts"]] == [0, 0]
    assert asked["acquisitionCost"] == 3.5
    summary = client.get("/api/v1/clv/summary", headers=headers()).json
    assert summary["settingsChangedSinceLastRun"] is False
    client.put("/api/v1/settings", json={"acquisitionCost": None}, headers=headers())
    assert read()["acquisitionCost"] is None and read()["cohorts"][0]["paybackAge"] is None


def test_the_month_that_goes_on_is_null(load, read, run):
    load(bought("ann", days_ago(70)[:10], 5), row("ann", 0, 1, 9, converts=1), row("b", 0, 1))
    load(row("new", 0, 1, 4, converts=1))
    run()
    first, last = read()["cohorts"]
    assert first["complete"] is True and first["ages"][0] and first["ages"][-1] is None
    assert first["revenue"] == 14
    assert (last["complete"], last["customers"], last["ages"]) == (False, 1, [None])
    assert last["paybackAge"] is None
    assert read("?by=quarter&acquisitionCost=0")["cohorts"][-1]["paybackAge"] is None


@pytest.mark.parametrize(
    ("zone", "changed", "as_of", "known"),
    [
        # In Kiribati April has begun: March is over.
        ("Pacific/Kiritimati", "2025-03-31T10:00:00Z", "2025-03-31T11:00:00Z", 1),
        ("UTC", "2025-03-31T10:00:00Z", "2025-03-31T11:00:00Z", 0),
        ("America/New_York", "2025-04-01T03:59:59Z", "2025-04-01T03:59:59Z", 0),
        ("America/New_York", "2025-04-01T04:00:00Z", "2025-04-01T04:00:00Z", 1),
        # April has begun, but nothing was loaded since March.
        ("UTC", "2025-03-31T23:59:59Z", "2025-04-02T02:00:00Z", 0),
    ],
)
def test_a_month_is_whole_when_it_had_ended_there_before_the_data_changed_last(
    load, run, tenant, zone, changed, as_of, known
):
    load(bought("ann", "2025-03-01", 5), bought("ann", "2025-03-31", 5))
    run()
    with db.scope():
        db.execute(
            "UPDATE tenant SET time_zone = %s, data_updated_ms = %s", (zone, time_ms(changed))
        )
        last = replace(runs.page(tenant.id, None, 1)[0], as_of_ms=time_ms(as_of))
        cohorts.save(tenant.id, cohorts.add_up_run(last))
        report = cohorts.report(tenants.tenant_by_id(tenant.id), "month", None)
    [cohort] = report.cohorts
    assert cohort.complete is bool(known)
    assert [age is not None for age in cohort.ages] == [bool(known)]
    assert report.time_zone == zone


def test_of_many_cohorts_the_latest_36_are_listed_and_the_others_added_up(load, read, run):
    months = [f"{2020 + n // 12}-{n % 12 + 1:02}" for n in range(40)]
    load(*(bought(f"c{n}", f"{month}-05", 1) for n, month in enumerate(months)))
    load(*(bought(f"c{n}", "2023-05-01", 2) for n in range(40)))
    run()
    report = read()
    assert [cohort["cohort"] for cohort in report["cohorts"]] == months[4:]
    assert report["earlier"] == {"cohorts": 4, "customers": 4, "revenue": 12}
    assert {cohort["revenue"] for cohort in report["cohorts"]} == {3}
    # The last conversions are of May 2023, the 41st month.
    lengths = [len(cohort["ages"]) for cohort in report["cohorts"]]
    assert lengths == [min(36, 41 - n) for n in range(4, 40)]
    assert report["cohorts"][0]["ages"][-1]["revenue"] == 0


@pytest.mark.parametrize("kind", ["weekly", "alltime"])
def test_weeks_belong_to_two_months_and_the_answer_says_so(load, read, run, kind):
    key = {"weekly": "2025-W07", "alltime": "alltime"}[kind]
    one = bought("ann", "2025-02-14", 5, firstContactAt="2025-02-14T00:00:00Z")
    load({**one, "periodType": kind, "periodKey": key})
    run()
    report = read()
    assert report["cohorts"] == [] and report["asOf"] is None
    assert report["message"].endswith(f"daily or monthly summaries, and the tenant's are {kind}.")


def test_months_make_the_same_cohorts_as_days(load, read, run):
    load(
        *(
            {**each, "periodType": "monthly", "periodKey": each["periodKey"][:7]}
            for each in HISTORY
            if each["customerId"] != "bob"
        )
    )
    run()
    assert [figures(cohort) for cohort in read()["cohorts"]] == [
        [(1, 1, 30), (0, 0, 0), (1, 2, 10)],
        [(1, 1, 7)],
    ]


def test_the_stored_sums_are_stale_until_the_next_full_run(client, headers, load, read, run):
    load(*HISTORY)
    run()
    before = read()
    assert client.delete("/api/v1/customers/ann", headers=headers()).status_code == 204
    assert read() == {**before, "stale": True}
    run("high")
    assert read() == {**before, "stale": True}
    run()
    after = read()
    assert (after["stale"], after["asOf"] > before["asOf"]) == (False, True)
    assert [cohort["customers"] for cohort in after["cohorts"]] == [1, 1]
    for name in ("bob", "cem"):
        client.delete(f"/api/v1/customers/{name}", headers=headers())
    run()
    assert read()["cohorts"] == [] and read()["message"] is None


def test_maintenance_adds_up_anew_what_an_erased_customer_was_in(
    client, headers, load, read, run, settings
):
    load(*HISTORY)
    run()
    before = read()
    maintain(settings)
    assert read() == before
    client.delete("/api/v1/customers/ann", headers=headers())
    maintain(settings)
    after = read()
    assert [cohort["customers"] for cohort in after["cohorts"]] == [1, 1]
    assert (after["stale"], after["asOf"] > before["asOf"]) == (False, True)
    maintain(settings)
    assert read() == after


@pytest.mark.parametrize(
    "query", ["by=week", "by=", "acquisitionCost=-1", "acquisitionCost=x", "grossMargin=1", "x=1"]
)
def test_a_wrong_question_is_refused_by_name(client, headers, tenant, query):
    answer = client.get(f"{COHORTS}?{query}", headers=headers("viewer"))
    assert answer.status_code == 400
    assert query.partition("=")[0] in answer.json["errors"]["query"]


def test_a_file_without_cohorts_is_its_header(client, headers, tenant):
    answer = client.get(COHORTS, headers={**headers("viewer"), "Accept": "text/csv"})
    assert answer.status_code == 200 and answer.text.startswith("cohort,customers,complete,")
    assert answer.text.count("\n") == 1


def test_a_file_leaves_empty_what_is_not_known(client, headers, load, run):
    load(row("new", 0, 1, 4, converts=1))
    run()
    answer = client.get(COHORTS, headers={**headers("viewer"), "Accept": "text/csv"})
    assert answer.text.splitlines()[1] == f"{days_ago(0)[:7]},1,false,,0,,,,,,,"
