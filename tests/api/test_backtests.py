"""Backtests over HTTP and on the command line."""

import uuid

import pytest

from app import create_app
from clv import db
from clv.services import backtests
from clv.store import backtests as stored
from clv.store import tenants
from tests.api.bases import BASES, add
from tests.api.support import row
from tests.conftest import started_anew, unreachable_redis

URL = "/api/v1/clv/backtests"
EMPTY = {
    "holdoutDays": None,
    "status": "queued",
    "startedAt": None,
    "finishedAt": None,
    "message": "No worker is running: the backtest starts when one does.",
    "result": None,
}


@pytest.fixture
def client(alone):
    with started_anew(alone) as application:
        yield application.test_client()


@pytest.fixture
def work(settings):
    """Work off what was started, in this process."""

    def work_off(backtest_id: str) -> None:
        with db.scope():
            found = db.value("SELECT id FROM backtest WHERE backtest_id = %s", (backtest_id,))
            backtests.work(found, settings)

    return work_off


def test_the_default_holdout_is_half_of_the_history(client, headers, tenant, work):
    add(tenant, list(dict.fromkeys(BASES["equal amounts"])))
    key = headers()
    started = client.post(URL, headers=key).json
    assert {name: started[name] for name in EMPTY} == EMPTY
    work(started["backtestId"])
    shown = client.get(f"{URL}/{started['backtestId']}", headers=key).json
    assert (shown["status"], shown["holdoutDays"]) == ("finished", 200)
    assert shown["result"]["holdoutDays"] == 200


def test_only_admins_start_and_all_roles_read(client, headers, load):
    load(row("a", 3, converts=1), row("a", 1, converts=1))
    for role in ("viewer", "editor"):
        assert client.post(URL, headers=headers(role)).status_code == 403
    started = client.post(URL, headers=headers()).json
    for role in ("viewer", "editor", "admin"):
        shown = client.get(f"{URL}/{started['backtestId']}", headers=headers(role))
        assert shown.json["backtestId"] == started["backtestId"]
        assert len(client.get(URL, headers=headers(role)).json["data"]) == 1


def test_another_tenants_backtest_does_not_exist(client, headers, load):
    load(row("a", 3, converts=1))
    started = client.post(URL, headers=headers()).json
    theirs = headers("admin", "other")
    for unknown in (started["backtestId"], str(uuid.uuid4()), "x"):
        answer = client.get(f"{URL}/{unknown}", headers=theirs)
        assert answer.status_code == 404
        assert answer.json["message"] == "There is no backtest with this id."
    assert client.get(URL, headers=theirs).json["data"] == []
    # Each tenant has its own turn.
    assert client.post(URL, headers=theirs).status_code == 202


def test_one_at_a_time_and_the_list_is_newest_first(client, headers, load, work):
    load(row("a", 3, converts=1), row("a", 1, converts=1))
    key, ids = headers(), []
    for _ in range(3):
        started = client.post(URL, headers=key).json
        refused = client.post(URL, headers=key)
        assert refused.status_code == 409 and "going on already" in refused.json["message"]
        work(started["backtestId"])
        ids.insert(0, started["backtestId"])
    page = client.get(f"{URL}?limit=2", headers=key).json
    assert [entry["backtestId"] for entry in page["data"]] == ids[:2]
    cursor = page["pagination"]["cursor"]
    rest = client.get(f"{URL}?limit=2&cursor={cursor}", headers=key).json
    assert [entry["backtestId"] for entry in rest["data"]] == ids[2:]
    assert rest["pagination"] == {"cursor": None, "hasMore": False}


@pytest.mark.parametrize("days", [0, -1, 3651, 1.5, "90", True])
def test_a_bad_holdout_is_refused_by_name(client, headers, tenant, days):
    answer = client.post(URL, json={"holdoutDays": days}, headers=headers())
    assert answer.status_code == 400 and "holdoutDays" in answer.json["errors"]["json"]


@pytest.mark.parametrize(
    ("rows", "days", "message"),
    [
        ([], None, "There is no history of days with conversions"),
        ([(3, 0)], None, "There is no history of days with conversions"),
        ([(3, 1)], None, "The history has only one day."),
        ([(30, 1), (1, 1)], 30, "holdoutDays must be from 1 to 29: the history has 30 days."),
    ],
)
def test_a_history_that_is_too_short_is_a_failure_that_says_so(
    client, headers, tenant, load, work, rows, days, message
):
    if rows:
        load(*(row("a", ago, converts=converts) for ago, converts in rows))
    started = client.post(URL, json={"holdoutDays": days}, headers=headers()).json
    work(started["backtestId"])
    shown = client.get(f"{URL}/{started['backtestId']}", headers=headers("viewer")).json
    assert (shown["status"], shown["result"]) == ("failed", None)
    assert message in shown["message"]


@pytest.mark.parametrize("base", [name for name in BASES if name != "refunds only"])
def test_whatever_the_base_the_figures_are_numbers_or_null(client, headers, tenant, work, base):
    add(tenant, list(dict.fromkeys(BASES[base])))
    started = client.post(URL, headers=headers()).json
    work(started["backtestId"])
    answer = client.get(f"{URL}/{started['backtestId']}", headers=headers("viewer"))
    assert answer.json["status"] == "finished", answer.json["message"]
    result = answer.json["result"]
    assert "NaN" not in answer.text and "Infinity" not in answer.text
    for model, sentence in (
        ("recommended", "revenueSentence"),
        ("recommendedChurn", "churnSentence"),
    ):
        assert result[model] in ("rfm", "calibrated")
        assert result[sentence].startswith(f"Use {result[model]} for ")
        assert result[sentence] in result["sentence"]
    assert [card["model"] for card in result["models"]][-2:] == ["mean", "zero"]
    assert (result["parameters"] is None) == (result["notFitted"] is not None)


def test_summaries_that_are_not_daily_can_not_be_backtested(client, headers, load):
    load(row("a", 0, periodType="monthly", periodKey="2026-01"))
    answer = client.post(URL, headers=headers())
    assert answer.status_code == 409
    assert "the tenant's are monthly" in answer.json["message"]


def test_without_redis_it_is_closed_and_can_be_read(app, settings, headers, tenant):
    key = headers()
    lonely = create_app(unreachable_redis(settings)).test_client()
    assert lonely.post(URL, headers=key).status_code == 503
    with db.scope():
        newest = backtests.newest(tenant.id, lonely.application.extensions["clv"].queue)
    assert newest is not None
    assert (newest.status, newest.message) == ("failed", "The queue could not be reached.")
    # Reading needs no Redis.
    assert lonely.get(f"{URL}/{newest.backtest_id}", headers=key).json["status"] == "failed"


def test_the_command_prints_a_table_and_a_sentence_without_redis(settings, app, tenant):
    add(tenant, list(dict.fromkeys(BASES["equal amounts"])))
    runner = create_app(unreachable_redis(settings)).test_cli_runner()
    done = runner.invoke(args=["backtest", "--tenant", "acme", "--holdout-days", "100"])
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[1].split() == ["calibrated", "rfm", "mean", "zero"]
    assert [line[:28].strip() for line in lines[2:-2]] == [
        "mean absolute error",
        "root mean squared error",
        "total predicted / actual",
        "rank correlation (Spearman)",
        "order (normalised Gini)",
        "revenue of the best tenth",
        "churn: AUC",
        "churn: Brier score",
        "churn: log-loss",
    ]
    assert {len(line) for line in lines[1:-2]} == {76}
    assert lines[5].split()[-1] == "-"
    assert lines[-2].startswith("The 80 % interval contained the actual revenue of ")
    assert "for revenue: " in lines[-1] and "for churn: " in lines[-1]
    with db.scope():
        found = backtests.newest_result(tenant.id)
        assert found is not None and found.holdout_days == 100
        assert found.requested_by == "command line"
    wrong = runner.invoke(args=["backtest", "--tenant", "acme", "--holdout-days", "999"])
    assert wrong.exit_code == 1 and "holdoutDays must be from 1 to" in wrong.stderr


def test_a_deleted_tenant_takes_its_backtests_along(client, headers, tenant, load, work):
    load(row("a", 3, converts=1))
    started = client.post(URL, headers=headers()).json
    with db.scope():
        internal = stored.page(tenant.id, None, 1)[0].id
        tenants.delete_tenant(tenant.id)
        assert db.value("SELECT COUNT(*) FROM backtest") == 0
        backtests.sweep(client.application.extensions["clv"].queue, internal)
    assert started["status"] == "queued"
