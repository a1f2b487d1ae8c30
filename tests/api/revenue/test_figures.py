"""The figures of days, weeks and months."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from clv import db
from tests.api.revenue.conftest import REVENUE, SPRING, bought
from tests.api.support import days_ago


def figures(period: dict, *names: str) -> list:
    names = names or ("revenue", "conversions", "customers", "newBuyers")
    return [period[name] for name in names]


def test_months_are_net_of_corrections_and_compared_with_the_month_before(load, ask):
    load(*SPRING)
    answer = ask(by="month")
    assert {name: answer[name] for name in ("by", "currency", "timeZone", "from", "to")} == {
        **{"by": "month", "currency": "USD", "timeZone": "UTC"},
        **{"from": "2025-03-01", "to": "2025-04-30"},
    }
    march, april = answer["data"]
    assert march == {
        **{"period": "2025-03", "firstDay": "2025-03-01", "lastDay": "2025-03-31"},
        **{"complete": True, "revenue": 40.5, "conversions": 3, "customers": 2, "newBuyers": 2},
        **{"returningShare": 0.0, "averageConversionValue": 13.5, "previous": None},
    }
    assert figures(april) == [57.34, 3, 2, 1]
    assert figures(april, "returningShare", "averageConversionValue") == [0.5, 19.11]
    names = ("revenue", "conversions", "customers", "newBuyers", "returningShare")
    assert figures(april["previous"], *names, "averageConversionValue") == [
        *(40.5, 3, 2, 2, 0.0, 13.5),
    ]
    assert figures(answer["total"]) == [97.84, 6, 3, 3]


def test_a_customer_counts_once_in_each_week_and_on_each_day(load, ask):
    load(*SPRING)
    weeks = {each["period"]: figures(each) for each in ask(by="week")["data"]}
    assert list(weeks) == ["2025-W10", "2025-W11", "2025-W12", "2025-W13", "2025-W14"]
    assert weeks["2025-W14"] == [57.34, 3, 2, 1]
    assert weeks["2025-W12"] == [-10.0, 0, 0, 0]
    days = {each["period"]: each for each in ask(by="day")["data"]}
    assert figures(days["2025-04-01"]) == [40.0, 1, 1, 0]
    assert figures(days["2025-04-02"]) == [17.34, 2, 2, 1]
    assert days["2025-04-02"]["returningShare"] == 0.5


def test_a_period_without_sales_has_zeros_and_is_complete(load, ask):
    load(*SPRING)
    quiet = ask(by="day", **{"from": "2025-03-04", "to": "2025-03-04"})["data"]
    assert [figures(each) for each in quiet] == [[0.0, 0, 0, 0]]
    assert figures(quiet[0], "complete", "returningShare", "averageConversionValue") == [
        *(True, None, None),
    ]
    assert figures(quiet[0]["previous"]) == [20.0, 1, 1, 1]


def test_the_range_is_of_whole_periods_however_it_is_named(load, ask):
    load(*SPRING)
    for start, end in (
        ("2025-03-15", "2025-04-15"),
        ("2025-03", "2025-04"),
        ("2025-W12", "2025-04"),
    ):
        answer = ask(by="month", **{"from": start, "to": end})
        assert (answer["from"], answer["to"]) == ("2025-03-01", "2025-04-30")
    answer = ask(by="day", **{"from": "2025-W14", "to": "2025-W14"})
    assert [each["period"] for each in answer["data"]][:2] == ["2025-03-31", "2025-04-01"]
    assert len(answer["data"]) == 7 and answer["total"]["customers"] == 2


def test_the_buyers_of_a_part_of_the_history_are_not_known(load, ask):
    load(*SPRING)
    total = ask(by="day", **{"from": "2025-03-20", "to": "2025-04-02"})["total"]
    assert figures(total) == [47.34, 3, None, 1]
    assert total["returningShare"] is None


def test_the_current_period_is_not_complete_and_not_compared(load, ask):
    today, before = days_ago(0)[:10], days_ago(1)[:10]
    load(bought("ann", before, 10), bought("ann", today, 20, lastContactAt=days_ago(0)))
    for kind in ("day", "week", "month"):
        last = ask(by=kind)["data"][-1]
        assert (last["complete"], last["previous"]) == (False, None), kind
    yesterday, now = ask(by="day")["data"]
    assert (yesterday["complete"], now["revenue"]) == (True, 20.0)
    assert ask(by="day", to="2999-12")["data"][-1]["period"] == today
    assert ask(by="day", **{"from": "2999-01"})["data"] == []


def test_today_is_that_of_the_tenants_time_zone(client, load, ask, headers):
    for zone in ("Pacific/Kiritimati", "Etc/GMT+12"):
        key = headers("admin")
        assert (
            client.put("/api/v1/settings", json={"timeZone": zone}, headers=key).status_code == 200
        )
        load(bought("ann", "2025-03-03", 20))
        before, answer = datetime.now(UTC), ask(by="day", **{"from": days_ago(3)[:10]})
        last = answer["data"][-1]
        assert answer["timeZone"] == zone and not last["complete"]
        local = {
            moment.astimezone(ZoneInfo(zone)).date().isoformat()
            for moment in (before, datetime.now(UTC))
        }
        assert last["period"] in local
        yesterday = datetime.fromisoformat(last["period"]) - timedelta(days=1)
        assert answer["data"][-2]["period"] == yesterday.date().isoformat()
        assert answer["data"][-2]["complete"]
        load(bought("ann", "2025-03-03", 0, converts=0))


def test_without_data_there_are_no_periods_but_those_asked_for(ask):
    answer = ask()
    assert (answer["by"], answer["data"], answer["from"], answer["asOf"]) == ("day", [], None, None)
    zeros = ask(by="month", **{"from": "2025-01", "to": "2025-03"})["data"]
    assert [figures(each) for each in zeros] == [[0.0, 0, 0, 0]] * 3
    assert [each["previous"] for each in zeros] == [None] * 3


def test_weekly_and_monthly_summaries_tell_of_their_own_periods_alone(client, load, ask, headers):
    def weekly(customer: str, key: str, amount: float) -> dict:
        times = {"lastContactAt": "2025-05-01T00:00:00Z"}
        return bought(customer, key, amount, **times, periodType="weekly")

    load(weekly("ann", "2025-W10", 20), weekly("ann", "2025-W12", 5), weekly("bo", "2025-W12", 7))
    answer = ask()
    assert answer["by"] == "week"
    assert [figures(each) for each in answer["data"]] == [
        *([20.0, 1, 1, 1], [0.0, 0, 0, 0], [12.0, 2, 2, 1]),
    ]
    for kind in ("day", "month"):
        refused = client.get(REVENUE, query_string={"by": kind}, headers=headers("viewer"))
        assert (
            refused.status_code == 409 and "weekly: ask for them by=week" in refused.json["message"]
        )
    assert client.delete("/api/v1/customers/ann", headers=headers()).status_code == 204
    assert client.delete("/api/v1/customers/bo", headers=headers()).status_code == 204
    load({**weekly("ann", "2025-03", 3), "periodType": "monthly"})
    answer = ask()
    assert (answer["by"], figures(answer["data"][0])) == ("month", [3.0, 1, 1, 1])


def test_summaries_of_all_time_tell_of_no_periods(client, load, headers):
    load(
        bought("ann", "2025-03-03", 5, periodType="alltime", firstContactAt="2025-01-01T00:00:00Z")
        | {"periodKey": "alltime"}
    )
    refused = client.get(REVENUE, headers=headers("viewer"))
    assert refused.status_code == 409 and "of all time" in refused.json["message"]


def test_amounts_that_add_up_to_more_than_an_integer_of_the_database_are_exact(load, ask):
    load(*(bought(f"c{n}", "2025-03-03", 10**12 - n) for n in range(1_000)))
    [day] = ask(by="day")["data"]
    assert day["revenue"] == sum(10**12 - n for n in range(1_000))
    with db.scope():
        assert db.value("SELECT MAX(value_high) FROM revenue_period") > 2**36
