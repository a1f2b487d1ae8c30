"""``clv import`` of transactions, as they are or replayed."""

import gzip
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from tests.api.support import days_ago, row
from tests.unit.cli.support import acme, summaries


def test_transactions_are_added_up_by_customer_and_day(tenant, run, log):
    path = log("b,2026-04-02,1", "a,2026-04-01T23:59:59Z,1.5", "a,2026-04-01,-0.0001")
    done = run("import", path, "--tenant", "acme")
    assert summaries() == [
        ("a", "2026-04-01", 1, 1, 14_999),
        ("b", "2026-04-02", 1, 1, 10_000),
    ]
    assert "3 transactions read, 2 daily summaries: 2 inserted, 0 updated" in done.stdout
    assert (acme().customers, acme().period_type) == (2, "daily")


def test_the_sample_is_imported_as_it_is(tenant, run, cdnow, purchases):
    done = run("import", purchases, "--tenant", "acme")
    expected = {}
    for customer, day, amount in cdnow[:500]:
        number, value = expected.get((customer, day), (0, 0))
        expected[customer, day] = (number + 1, value + round(float(amount) * 10_000))
    assert summaries() == [
        (*key, number, number, value) for key, (number, value) in sorted(expected.items())
    ]
    assert f"500 transactions read, {len(expected)} daily summaries" in done.stdout
    assert acme().customers == len({customer for customer, _ in expected})


def test_a_file_may_be_gzipped_come_from_standard_input_and_have_other_columns(tenant, run, log):
    lines = ("1,2026-04-01,a,9", "2,2026-04-02,a,9")
    path = log(*lines, header="what,when,who,else", name="log.csv.gz")
    columns = ("--customer-column", "who", "--date-column", "when", "--amount-column", "what")
    run("import", path, "--tenant", "acme", *columns)
    expected = [("a", "2026-04-01", 1, 1, 10_000), ("a", "2026-04-02", 1, 1, 20_000)]
    assert summaries() == expected
    plain = b"customer_id,date,amount\na,2026-04-01,1\na,2026-04-02,2\n"
    for stdin in (plain, gzip.compress(plain)):
        assert "2 unchanged" in run("import", "-", "--tenant", "acme", stdin=stdin).stdout
    assert summaries() == expected


@pytest.mark.parametrize("replay", [(), ("--replay-until", "2026-04-30")])
def test_importing_twice_changes_nothing(tenant, run, purchases, replay):
    run("import", purchases, "--tenant", "acme", *replay)
    before = summaries()
    done = run("import", purchases, "--tenant", "acme", *replay)
    assert "0 inserted, 0 updated" in done.stdout and " 0 deleted" in done.stdout
    assert summaries() == before


def test_a_corrected_file_replaces_the_customers_days_in_it(tenant, run, log):
    run("import", log("a,2026-04-01,1", "a,2026-04-02,1", "b,2026-04-01,1"), "--tenant", "acme")
    done = run("import", log("a,2026-04-01,7", "c,2026-04-01,1"), "--tenant", "acme")
    assert "1 inserted, 1 updated, 0 unchanged, 0 deleted" in done.stdout
    assert [line[0:2] + line[4:] for line in summaries()] == [
        ("a", "2026-04-01", 70_000),
        ("a", "2026-04-02", 10_000),
        ("b", "2026-04-01", 10_000),
        ("c", "2026-04-01", 10_000),
    ]


def test_a_replacing_file_is_all_that_the_tenant_has(tenant, run, log):
    run("import", log("a,2026-04-01,1", "b,2026-04-01,1"), "--tenant", "acme")
    done = run("import", log("c,2026-04-01,1"), "--tenant", "acme", "--replace")
    assert "1 inserted, 0 updated, 0 unchanged, 2 deleted" in done.stdout
    assert [line[0] for line in summaries()] == ["c"]
    assert acme().customers == 1


def test_a_bad_line_is_named_and_nothing_is_kept(tenant, run, refused, log):
    run("import", log("a,2026-04-01,1"), "--tenant", "acme")
    before = summaries()
    path = log("a,2026-04-01,9", "a,yesterday,1", "b,2026-04-01,1", "b,2026-04-02,ten")
    said = refused("import", path, "--tenant", "acme")
    assert said.startswith("Error: 2 bad lines; nothing was loaded.")
    assert "'yesterday' (line 3)" in said and "(line 5)" in said
    assert summaries() == before


def test_of_very_many_bad_lines_the_reason_is_said_once(tenant, refused, log):
    said = refused("import", log(*["a,?,1"] * 250), "--tenant", "acme")
    assert said.startswith("Error: More than 100 bad lines, which is the limit")
    assert len(said) < 500


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "The file is empty."),
        (b"customer_id;date;amount\n", "There are no rows below the header in line 1."),
        (b"customer_id,date,amount\n", "There are no rows below the header in line 1."),
        (b"a;b\n1;2\n", "--customer: Which column is the customer? The columns are: a, b."),
        (gzip.compress(b"customer_id,date,amount\n", mtime=0)[:-4], "The gzip file is broken"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(tenant, refused, data, reason):
    assert reason in refused("import", "-", "--tenant", "acme", stdin=data)
    assert summaries() == []


def test_a_file_that_does_not_exist_is_refused(tenant, refused):
    assert "nowhere.csv" in refused("import", "nowhere.csv", "--tenant", "acme", code=2)


def test_a_day_that_sums_up_to_too_much_is_refused(tenant, refused, log):
    path = log("a,2026-04-01,1000000000000", "a,2026-04-01,1000000000000")
    refused("import", path, "--tenant", "acme")
    assert summaries() == []


def test_a_replay_moves_the_history_and_says_to_which_day(tenant, run, log):
    path = log("a,1997-01-01,1", "a,1997-01-03T10:00:00Z,2", "b,1997-01-02,3")
    done = run("import", path, "--tenant", "acme", "--replay-until", "2026-04-30")
    assert "The history was moved so that its last day is 2026-04-30.\n" in done.stdout
    assert [line[:2] for line in summaries()] == [
        ("a", "2026-04-28"),
        ("a", "2026-04-30"),
        ("b", "2026-04-29"),
    ]


def test_a_replay_until_now_ends_today(tenant, run, log):
    before = days_ago(0)[:10]
    done = run("import", log("a,1997-01-01,1"), "--tenant", "acme", "--replay-until", "now")
    (found,) = summaries()
    assert before <= found[1] <= days_ago(0)[:10]
    assert found[1] in done.stdout


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_a_replay_until_now_ends_on_the_local_day(tenant, run, log, zone):
    run("tenants", "set", "acme", "--time-zone", zone)
    days = {datetime.now(ZoneInfo(zone)).date().isoformat()}
    done = run("import", log("a,1997-01-01,1"), "--tenant", "acme", "--replay-until", "now")
    days.add(datetime.now(ZoneInfo(zone)).date().isoformat())
    (found,) = summaries()
    assert found[1] in days and found[1] in done.stdout


@pytest.mark.parametrize("other", ["2026-05-01", "2026-04-29", "2020-01-01"])
def test_a_second_replay_until_another_day_needs_to_replace(tenant, run, refused, log, other):
    path = log(*(f"a,1997-01-{day:02},1" for day in range(1, 11)))
    command = ("import", path, "--tenant", "acme", "--replay-until")
    run(*command, "2026-04-30")
    before = summaries()
    assert "Use --replace to have only the file's." in refused(*command, other)
    assert summaries() == before
    run(*command, other, "--replace")
    assert len(summaries()) == 10
    assert summaries()[-1][1] == other


@pytest.mark.parametrize("day", ["tomorrow", "2026-02-30", "30.04.2026", ""])
def test_a_replay_until_no_date_is_refused(tenant, refused, log, day):
    said = refused("import", log("a,1997-01-01,1"), "--tenant", "acme", "--replay-until", day)
    assert "--replay-until must be a date such as 2026-04-30, or 'now'." in said


@pytest.mark.parametrize("day", ["2999-01-01", "1970-01-01"])
def test_a_replay_into_the_future_or_before_1970_is_refused(tenant, refused, log, day):
    path = log("a,1997-01-01,1", "a,1997-01-09,1")
    refused("import", path, "--tenant", "acme", "--replay-until", day)
    assert summaries() == []


def test_daily_transactions_do_not_mix_with_totals_of_all_time(load, run, refused, log):
    load(
        {
            **row("a", 1),
            "periodType": "alltime",
            "periodKey": "alltime",
            "firstContactAt": days_ago(9),
        }
    )
    before, path = summaries(), log("a,2026-04-01,1")
    assert "This tenant's summaries are alltime" in refused("import", path, "--tenant", "acme")
    assert summaries() == before
    run("import", path, "--tenant", "acme", "--replace")
    assert [line[1] for line in summaries()] == ["2026-04-01"]
    assert acme().period_type == "daily"
