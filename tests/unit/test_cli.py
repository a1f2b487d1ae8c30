"""The command line."""

import gzip
import hashlib
import json
import os
import re
import threading
import zlib
from dataclasses import astuple

import pytest

from app import create_app
from clv import db
from clv.store import tenants
from tests.api.support import days_ago, insert_records, numbered_records, row, unreadable_records
from tests.conftest import unreachable_redis

CLV = "/api/v1/customers/a/clv"
DEFAULTS = (0.35, 0.35, 0.30, 30, 24, 6, "rfm", 90)
COMMANDS = [
    ("migrate",),
    ("tenants",),
    ("tenants", "create"),
    ("tenants", "list"),
    ("tenants", "set"),
    ("keys",),
    ("keys", "create"),
    ("keys", "list"),
    ("keys", "revoke"),
    ("import",),
    ("export",),
    ("compute",),
]


@pytest.fixture
def run(app):
    """Run a command that succeeds."""

    def invoke(*args, stdin=None):
        done = app.test_cli_runner().invoke(args=args, input=stdin)
        assert done.exit_code == 0, (done.output, done.exception)
        return done

    return invoke


@pytest.fixture
def refused(app):
    """Run a command that fails in a planned way; returns what it says."""

    def invoke(*args, stdin=None, code=1):
        done = app.test_cli_runner().invoke(args=args, input=stdin)
        assert isinstance(done.exception, SystemExit), repr(done.exception)
        assert done.exit_code == code
        assert done.stdout == ""
        return done.stderr

    return invoke


@pytest.fixture
def log(tmp_path):
    """Write a file of transactions."""

    def write(*lines, header="customer_id,date,amount", name="log.csv"):
        path = tmp_path / name
        data = "".join(f"{line}\n" for line in (header, *lines)).encode()
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return str(path)

    return write


@pytest.fixture
def purchases(cdnow, log):
    """The first 500 lines of the sample as a file."""
    return log(*(",".join(line) for line in cdnow[:500]))


def acme():
    """The tenant as it is stored."""
    with db.scope():
        return tenants.tenant_by_name("acme")


def summaries():
    with db.scope():
        return db.rows(
            "SELECT customer_id, period_key, impressions, converts, total_value"
            " FROM interaction_summary ORDER BY customer_id, period_key"
        )


def table(text):
    """Tab-separated output as one dict a line."""
    head, *lines = (line.split("\t") for line in text.splitlines())
    return [dict(zip(head, line, strict=True)) for line in lines]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_each_command_explains_itself(run, command):
    text = run(*command, "--help").stdout
    assert re.match(rf"Usage: .* {' '.join(command)} .*\n\n  [A-Z]", text)


def test_the_commands_are_listed(run):
    text = run("--help").stdout
    for name in {command[0] for command in COMMANDS}:
        assert re.search(rf"^  {name} +[A-Z]", text, re.MULTILINE)


def test_migrate_says_when_there_is_nothing_to_do(run):
    assert run("migrate").stderr == "Nothing to do.\n"


def test_a_tenant_is_created_with_the_default_settings(run):
    run("tenants", "create", "shop-1")
    assert table(run("tenants", "list").stdout) == [
        {
            "name": "shop-1",
            "customers": "0",
            "periods": "-",
            "weights R/F/M": "0.35/0.35/0.3",
            "at-risk days": "30",
            "lifespan": "24",
            "shortest": "6",
            "currency": "USD",
            "model": "rfm",
            "churn horizon": "90",
        }
    ]


def test_tenants_are_listed_by_name(run):
    for name in ("b", "c", "a"):
        run("tenants", "create", name)
    assert [tenant["name"] for tenant in table(run("tenants", "list").stdout)] == ["a", "b", "c"]


@pytest.mark.parametrize("name", ["Shop", "a_b", "", "x" * 64, "ä"])
def test_a_tenant_needs_a_proper_name(run, refused, name):
    assert "The name: Must be 1 to 63 lower-case letters" in refused("tenants", "create", name)
    assert table(run("tenants", "list").stdout) == []


def test_a_name_is_given_to_one_tenant(tenant, refused):
    assert "There is already a tenant 'acme'." in refused("tenants", "create", "acme")


def test_all_settings_of_a_tenant_can_be_set_and_the_others_stay(tenant, run):
    weights = ("--weight-recency", "0.2", "--weight-frequency", "0.3", "--weight-monetary", "0.5")
    run("tenants", "set", "acme", *weights, "--at-risk-days", "90")
    assert astuple(acme().settings) == (0.2, 0.3, 0.5, 90, 24, 6, "rfm", 90)
    lengths = ("--lifespan-months", "12", "--min-tenure-months", "3")
    predicted = ("--model", "calibrated", "--churn-horizon-days", "60")
    done = run("tenants", "set", "acme", *lengths, *predicted, "--currency", "EUR")
    assert astuple(acme().settings) == (0.2, 0.3, 0.5, 90, 12, 3, "calibrated", 60)
    assert acme().currency == "EUR"
    assert "flask compute --tenant acme" in done.stderr


@pytest.mark.parametrize(
    ("option", "value", "reason"),
    [
        ("--at-risk-days", "0", "at_risk_days: Must be from 1 to 3650."),
        ("--at-risk-days", "3651", "at_risk_days: Must be from 1 to 3650."),
        ("--at-risk-days", "soon", "--at-risk-days must be a number or 'suggested'."),
        ("--lifespan-months", "121", "lifespan_months: Must be from 1 to 120."),
        ("--min-tenure-months", "0", "min_tenure_months: Must be from 1 to 60."),
        ("--weight-recency", "1.5", "weight_recency: Must be from 0 to 1."),
        ("--weight-recency", "nan", "weight_recency: Must be from 0 to 1."),
        ("--weight-monetary", "0.4", "The three weights must sum to 1."),
        ("--model", "bg/nbd", "model: Must be one of: rfm, calibrated."),
        ("--churn-horizon-days", "0", "churn_horizon_days: Must be from 1 to 3650."),
        ("--currency", "usd", "currency: Must be three capital letters of ISO 4217"),
        ("--currency", "EURO", "currency: Must be three capital letters of ISO 4217"),
    ],
)
def test_a_bad_setting_is_refused_and_none_is_saved(tenant, refused, option, value, reason):
    good = ("--min-tenure-months", "3") if option != "--min-tenure-months" else ()
    assert reason in refused("tenants", "set", "acme", *good, option, value)
    assert astuple(acme().settings) == DEFAULTS
    assert acme().currency == "USD"


def test_settings_of_the_wrong_type_are_refused(tenant, refused):
    assert "--lifespan-months" in refused(
        "tenants", "set", "acme", "--lifespan-months", "1.5", code=2
    )


def test_the_suggested_at_risk_days_come_from_the_tenants_own_data(tenant, run, refused, log):
    reason = "There is no suggestion: no customer has come back on another day yet."
    suggest = ("tenants", "set", "acme", "--at-risk-days", "suggested")
    assert reason in refused(*suggest)
    once = log("a,2026-01-01,1", "a,2026-01-01,2", "b,2026-03-01,1")
    assert "no suggestion" in run("import", once, "--tenant", "acme").stdout
    assert reason in refused(*suggest)
    days = (1, 2, 4, 7, 11, 16, 22, 29)
    months = [f"a,2026-01-{day:02},1" for day in days] + ["a,2026-02-06,1", "a,2026-02-15,1"]
    done = run("import", log(*months, "a,2026-02-25,1"), "--tenant", "acme")
    assert "within 9 days: flask tenants set acme --at-risk-days 9" in done.stdout
    run(*suggest)
    assert acme().settings.at_risk_days == 9


@pytest.mark.parametrize(
    "command",
    [
        ("tenants", "set", "nobody", "--currency", "EUR"),
        ("keys", "create", "--tenant", "nobody", "--role", "admin"),
        ("keys", "list", "--tenant", "nobody"),
        ("import", "-", "--tenant", "nobody"),
        ("export", "--tenant", "nobody"),
        ("compute", "--tenant", "nobody"),
    ],
    ids=" ".join,
)
def test_an_unknown_tenant_is_named(app, refused, command):
    assert refused(*command, stdin="customer_id,date,amount\n") == (
        "Error: There is no tenant 'nobody'.\n"
    )


@pytest.mark.parametrize("role", ["viewer", "editor", "admin"])
def test_a_new_key_is_a_token_alone_on_standard_output(client, load, run, role):
    load(row("a", 1))
    done = run("keys", "create", "--tenant", "acme", "--role", role)
    assert re.fullmatch(r"clv_[0-9A-Za-z]{12}_[0-9A-Za-z]{39}\n", done.stdout)
    headers = {"Authorization": f"Bearer {done.stdout.strip()}"}
    assert client.get(CLV, headers=headers).status_code == 200
    assert client.post(CLV, headers=headers).status_code == (403 if role == "viewer" else 200)


def test_of_a_key_only_a_digest_of_its_secret_is_stored(tenant, run):
    token = run("keys", "create", "--tenant", "acme", "--role", "viewer").stdout.strip()
    public, secret = token[4:16], token[17:50]
    with db.scope():
        [stored] = db.rows("SELECT * FROM api_key")
    assert hashlib.sha256(secret.encode()).hexdigest() in stored
    assert public in stored
    assert not [value for value in stored if secret[:8] in str(value) or token[-6:] in str(value)]


def test_a_token_ends_with_its_checksum(tenant, run):
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    token = run("keys", "create", "--tenant", "acme", "--role", "viewer").stdout.strip()
    number = 0
    for digit in token[-6:]:
        number = number * 62 + digits.index(digit)
    assert number == zlib.crc32(token[4:-6].encode())


def test_keys_are_listed_without_their_secrets(tenant, run):
    create = ("keys", "create", "--tenant", "acme", "--role")
    first = run(*create, "viewer", "--label", "the shop", "--expires-days", "7").stdout
    second = run(*create, "admin").stdout
    third = run(*create, "editor").stdout
    run("keys", "revoke", second[4:16])
    with db.scope():
        db.execute("UPDATE api_key SET expires_ms = 1 WHERE public = %s", (third[4:16],))
    listed = run("keys", "list", "--tenant", "acme").stdout
    assert [(key["public"], key["role"], key["state"], key["label"]) for key in table(listed)] == [
        (first[4:16], "viewer", "active", "the shop"),
        (second[4:16], "admin", "revoked", ""),
        (third[4:16], "editor", "expired", ""),
    ]
    assert table(listed)[1]["expires"] == "never"
    assert not [token for token in (first, second, third) if token[17:25] in listed]


def test_keys_of_other_tenants_are_not_listed(tenant, run):
    run("tenants", "create", "other")
    run("keys", "create", "--tenant", "other", "--role", "viewer")
    assert table(run("keys", "list", "--tenant", "acme").stdout) == []


@pytest.mark.parametrize("name_of", [lambda t: t[4:16], lambda t: t], ids=["public", "token"])
def test_a_revoked_key_opens_nothing_any_more(client, load, run, name_of):
    load(row("a", 1))
    create = ("keys", "create", "--tenant", "acme", "--role", "viewer")
    token, other = (run(*create).stdout.strip() for _ in range(2))
    statuses = []
    for _ in range(2):
        run("keys", "revoke", name_of(token))
        for key in (token, other):
            answer = client.get(CLV, headers={"Authorization": f"Bearer {key}"})
            statuses.append(answer.status_code)
    assert statuses == [401, 200] * 2


@pytest.mark.parametrize("key", ["nothing", "0" * 12, "' OR 1=1 --"])
def test_revoking_a_key_that_does_not_exist_is_an_error(tenant, refused, key):
    assert "There is no" in refused("keys", "revoke", key)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--role", "owner"), 2),
        ((), 2),
        (("--role", "viewer", "--expires-days", "0"), 2),
        (("--role", "viewer", "--label", "x" * 129), 1),
        (("--role", "viewer", "--label", "a\nb"), 1),
    ],
)
def test_a_key_with_bad_options_is_not_created(tenant, run, refused, options, code):
    refused("keys", "create", "--tenant", "acme", *options, code=code)
    assert table(run("keys", "list", "--tenant", "acme").stdout) == []


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
    path = log("a,2026-04-01,9", "a,yesterday,1", "b,2026-04-01,1", "b,2026-04-02,1.00001")
    said = refused("import", path, "--tenant", "acme")
    assert "line 3: date: Must be a time with its UTC offset" in said
    assert "line 5: amount: Must have at most 4 decimals." in said
    assert said.endswith("Error: 2 bad lines; nothing was imported.\n")
    assert summaries() == before


def test_of_very_many_bad_lines_the_first_100_are_shown(tenant, refused, log):
    said = refused("import", log(*["a,?,1"] * 250), "--tenant", "acme")
    assert said.count("line ") == 100
    assert "250 bad lines" in said


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "The first line must name the columns customer_id, date, amount"),
        (b"customer_id;date;amount\n", "there is no customer_id, date, amount in it"),
        (b"customer_id,date,amount\n", "There are no transactions in the file."),
        (gzip.compress(b"customer_id,date,amount\n", mtime=0)[:-4], "The gzip file is broken"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(tenant, refused, data, reason):
    assert reason in refused("import", "-", "--tenant", "acme", stdin=data)
    assert summaries() == []


def test_a_file_that_does_not_exist_is_refused(tenant, refused):
    assert "nowhere.csv" in refused("import", "nowhere.csv", "--tenant", "acme", code=2)


def test_a_day_that_sums_up_to_too_much_is_refused(tenant, refused, log):
    path = log("a,2026-04-01,1000000000", "a,2026-04-01,1000000000")
    refused("import", path, "--tenant", "acme")
    assert summaries() == []


def test_a_replay_moves_the_history_and_says_to_which_day(tenant, run, log):
    path = log("a,1997-01-01,1", "a,1997-01-03T10:00:00Z,2", "b,1997-01-02,3")
    done = run("import", path, "--tenant", "acme", "--replay-until", "2026-04-30")
    assert done.stdout.startswith("The history was moved so that its last day is 2026-04-30.\n")
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


SUMMARIES = "customerId,periodType,periodKey,offerId,impressions,totalValue,lastContactAt"


@pytest.mark.parametrize("name", ["log.csv", "log.csv.gz"])
def test_summaries_are_imported_with_their_own_columns(tenant, run, log, name):
    lines = ("a,daily,2026-04-01,o,3,1.5,2026-04-01", "a,daily,2026-04-09,,2,,2026-04-09")
    path = log(*lines, header=SUMMARIES, name=name)
    done = run("import", path, "--tenant", "acme", "--kind", "summaries")
    assert done.stdout.startswith(
        "2 daily summaries read: 2 inserted, 0 updated, 0 unchanged, 0 deleted.\n"
    )
    assert "within 8 days: flask tenants set acme --at-risk-days 8" in done.stdout
    assert summaries() == [
        ("a", "2026-04-01", 3, 0, 15_000),
        ("a", "2026-04-09", 2, 0, 0),
    ]
    again = run("import", path, "--tenant", "acme", "--kind", "summaries")
    assert "0 inserted, 0 updated, 2 unchanged, 0 deleted." in again.stdout


def objects(*rows):
    return [json.dumps(row) for row in rows]


@pytest.mark.parametrize("name", ["log.ndjson", "log.jsonl", "log.NDJSON.gz"])
def test_ndjson_is_known_by_the_files_name(tenant, run, log, name):
    orders = [{"customerId": c, "date": "2026-04-01", "amount": 1.5} for c in "ab"]
    first, *others = objects(*orders)
    run("import", log(*others, header=first, name=name), "--tenant", "acme")
    assert [line[0] for line in summaries()] == ["a", "b"]
    first, *others = objects(row("c", 1), row("d", 2))
    path = log(*others, header=first, name=name)
    run("import", path, "--tenant", "acme", "--kind", "summaries", "--replace")
    assert [line[0] for line in summaries()] == ["c", "d"]


def test_the_format_may_be_named(tenant, run, refused, log):
    [line] = objects({"customer_id": "a", "date": "2026-04-01", "amount": 1.5})
    run("import", "-", "--tenant", "acme", "--format", "ndjson", stdin=line)
    before = summaries()
    assert before == [("a", "2026-04-01", 1, 1, 15_000)]
    assert "The first line must name" in refused("import", "-", "--tenant", "acme", stdin=line)
    path = log("a,2026-04-01,1.5", name="log.ndjson")
    run("import", path, "--tenant", "acme", "--format", "csv")
    assert "line 1: The line is not JSON." in refused("import", path, "--tenant", "acme")
    assert summaries() == before


def test_a_bad_summary_is_named_and_nothing_kept_unless_it_may_be_skipped(
    tenant, run, refused, log
):
    good = "a,daily,2026-04-01,,3,1.5,2026-04-01"
    path = log(good, "a,daily,?,,,,2026-04-01", good, header=SUMMARIES)
    command = ("import", path, "--tenant", "acme", "--kind", "summaries")
    said = refused(*command)
    assert "line 3: periodKey: Must look like 2026-04-30 for a daily row.\n" in said
    assert "line 4: Has the same key as an earlier line.\n" in said
    assert said.endswith("Error: 2 bad lines; nothing was imported.\n")
    assert summaries() == []
    done = run(*command, "--skip-bad-rows")
    assert "1 daily summaries read: 1 inserted" in done.stdout
    assert "line 3: periodKey" in done.stderr and "line 4: Has" in done.stderr


def test_summaries_of_another_period_type_need_to_replace(tenant, run, refused, log):
    run("import", log("a,2026-04-01,1"), "--tenant", "acme")
    path = log("a,weekly,2026-W14,,1,1,2026-04-01", header=SUMMARIES)
    command = ("import", path, "--tenant", "acme", "--kind", "summaries")
    assert "This tenant's summaries are daily" in refused(*command)
    run(*command, "--replace")
    assert acme().period_type == "weekly"


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--customer-column", "who"),
        ("--date-column", "date"),
        ("--amount-column", "what"),
        ("--replay-until", "now"),
    ],
)
def test_options_that_make_no_sense_for_summaries_are_refused(tenant, refused, log, option, value):
    path = log("a,daily,2026-04-01,,3,1.5,2026-04-01", header=SUMMARIES)
    command = ("import", path, "--tenant", "acme", "--kind", "summaries", option, value)
    assert f"{option}: makes no sense for summaries" in refused(*command, code=2)
    assert summaries() == []


@pytest.mark.parametrize("option", [("--kind", "orders"), ("--format", "xlsx")])
def test_other_kinds_and_formats_are_refused(tenant, refused, log, option):
    assert option[1] in refused("import", log(), "--tenant", "acme", *option, code=2)


def test_a_tenant_is_computed_and_the_outcome_shown(tenant, run, purchases, worker):
    run("import", purchases, "--tenant", "acme", "--replay-until", "now")
    customers = acme().customers
    done = run("compute", "--tenant", "acme")
    assert done.stdout == f"acme: finished, {customers} computed, 0 errors\n"
    with db.scope():
        assert db.value("SELECT COUNT(*) FROM clv_record") == customers
        [(segment, members)] = db.rows(
            "SELECT segment, COUNT(*) FROM clv_record WHERE segment = 'high' GROUP BY segment"
        )
    again = run("compute", "--tenant", "acme", "--segment", segment)
    assert again.stdout == f"acme: finished, {members} computed, 0 errors\n"


def test_all_tenants_are_computed(tenant, run, log, worker):
    run("tenants", "create", "empty")
    run("import", log("a,2026-04-01,1"), "--tenant", "acme")
    assert run("compute", "--all").stdout.splitlines() == [
        "acme: finished, 1 computed, 0 errors",
        "empty: finished, 0 computed, 0 errors",
    ]


def test_without_waiting_the_job_is_named(client, tenant, run, headers, worker):
    name, job_id = run("compute", "--tenant", "acme", "--no-wait").stdout.strip().split("\t")
    assert name == "acme"
    job = client.get(f"/api/v1/clv/jobs/{job_id}", headers=headers()).json
    assert job["requestedBy"] == "command line"


@pytest.mark.parametrize(
    "options",
    [(), ("--all", "--tenant", "acme"), ("--tenant", "acme", "--segment", "vip")],
    ids=" ".join,
)
def test_compute_needs_one_choice_of_tenants_and_a_known_segment(tenant, refused, options):
    assert "Usage:" in refused("compute", *options, code=2)


def test_without_redis_a_run_is_refused_and_closed(settings, tenant):
    runner = create_app(unreachable_redis(settings)).test_cli_runner()
    done = runner.invoke(args=("compute", "--tenant", "acme"))
    assert done.exit_code == 1
    assert "The queue (Redis) can't be reached." in done.stderr
    with db.scope():
        assert db.rows("SELECT status FROM run") == [("failed",)]


RECORDS = "/api/v1/clv/records"


def test_an_export_is_the_file_that_the_api_sends(client, headers, tenant, run, tmp_path):
    insert_records(numbered_records(4_100))
    with db.scope():
        db.execute(
            "UPDATE clv_record SET segment = 'high', score = 90 WHERE customer_id > '002000'"
        )
    key, file = headers("viewer"), tmp_path / "records"
    for kind, accept in (("csv", "text/csv"), ("ndjson", "application/x-ndjson")):
        for segment in (None, "high"):
            for sort in ("customerId", "-clvScore"):
                query = {"sort": sort} | ({"segment": segment} if segment else {})
                sent = client.get(
                    RECORDS, query_string=query, headers={**key, "Accept": accept}, buffered=True
                )
                options = ["--tenant", "acme", "--format", kind, "--sort", sort]
                options += ["--segment", segment] if segment else []
                done = run("export", *options)
                assert done.stdout_bytes == sent.data and done.stderr == ""
                assert run("export", str(file), *options).stdout == ""
                assert file.read_bytes() == sent.data
    assert sent.data.count(b"\n") == 2_099


def test_an_export_is_a_csv_on_standard_output_unless_told_otherwise(load, client, headers, run):
    load(row("Zoë, \u2028=1+1", 1, 2, 10.5))
    client.get("/api/v1/customers/Zoë, \u2028=1+1/clv", headers=headers())
    header, line = run("export", "-", "--tenant", "acme").stdout_bytes.decode().split("\n")[:2]
    assert header.startswith("customerId,clvScore,score,") and header.endswith(",jobId")
    assert line.startswith('"Zoë, \u2028=1+1",50,50.0,42,') and line.endswith("Z,")


def test_an_export_of_another_tenant_has_none_of_these_customers(tenant, run):
    insert_records(numbered_records(3))
    run("tenants", "create", "other")
    assert run("export", "--tenant", "other").stdout.count("\n") == 1
    assert run("export", "--tenant", "acme").stdout.count("\n") == 4


def test_a_file_is_replaced_when_the_export_is_complete_and_not_before(
    tenant, run, refused, tmp_path
):
    file = tmp_path / "records.csv"
    file.write_text("the last one")
    link = tmp_path / "link.csv"
    link.symlink_to(file)
    insert_records(numbered_records(3))
    with unreadable_records():
        said = refused("export", str(link), "--tenant", "acme")
    assert said.splitlines()[-1].startswith("Error: The database can't be reached")
    assert file.read_text() == "the last one"
    run("export", str(link), "--tenant", "acme")
    assert file.read_text().count("\n") == 4 and link.is_symlink()
    assert sorted(tmp_path.iterdir()) == [link, file]


def test_an_export_into_a_pipe_does_not_replace_it(tenant, run, tmp_path):
    insert_records(numbered_records(3))
    pipe, read = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    run("export", str(pipe), "--tenant", "acme")
    reader.join()
    assert read[0].count("\n") == 4 and pipe.is_fifo()


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--format", "xml"), 2),
        (("--segment", "vip"), 2),
        (("--sort", "score"), 2),
        (("no/such/folder/records.csv",), 1),
        ((".",), 2),
    ],
)
def test_an_export_with_a_wrong_choice_is_refused(tenant, refused, options, code):
    assert options[-1].split("/")[0] in refused("export", "--tenant", "acme", *options, code=code)
