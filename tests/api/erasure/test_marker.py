"""A customer goes through every feature; after the erasure and maintenance nothing is left."""

import base64
import json
import logging
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from redis import Redis

from clv import db, logs
from clv.http.application import Service
from clv.services import backtests, batch
from clv.store import rankings
from jobs.queue import JobQueue
from tests.api.erasure.marker import Marker, in_files, in_redis, in_tables
from tests.api.pages import Visitor
from tests.api.support import days_ago, poison, row
from tests.conftest import started_anew

API = "/api/v1"
# The 50th and the 51st customer, so that ranges of 10 begin and end with the one.
LIVELY, CORRUPT = "c050-marker@example.com", "c051-marker@example.com"
FIRST, SECOND = 7_391_428_573.1234, 1_830_275_649.4321
SUM = 92_217_042_225_555
MARKER = Marker("marker@example", (73_914_285_731_234, 18_302_756_494_321, SUM, SUM * 4, SUM * 24))


@dataclass
class World:
    """The service with the marker in all of it."""

    app: Service
    headers: dict[str, str]
    redis: Redis
    temporary: Path
    settings: object

    def __post_init__(self) -> None:
        self.client = self.app.test_client()

    def call(self, method: str, path: str, **options) -> object:
        answer = self.client.open(API + path, method=method, headers=self.headers, **options)
        assert answer.status_code < 500, answer.text
        return answer.json if answer.is_json else answer.data

    def run(self, **body: str) -> str:
        """A whole run; its job id."""
        started = self.client.post(
            f"{API}/clv/compute", json=body, headers={**self.headers, "Prefer": "respond-async"}
        ).json
        settings = replace(self.settings, shard_customers=50)
        while self.call("GET", f"/clv/jobs/{started['jobId']}")["status"] in ("queued", "running"):
            with db.scope():
                batch.work_for_tenant(1, JobQueue(self.redis), settings)
        return started["jobId"]

    def command(self, *args: str) -> str:
        done = self.app.test_cli_runner().invoke(args=args)
        assert done.exit_code == 0, (done.output, done.exception)
        return done.output

    def found(self) -> dict[str, set]:
        """Where the marker is."""
        return {
            "tables": in_tables(MARKER),
            "redis": in_redis(MARKER, self.redis),
            "files": in_files(MARKER, [self.temporary, *self.database_folder()]),
        }

    def database_folder(self) -> list[Path]:
        """The folder of SQLite's files."""
        place = urlsplit(self.settings.database_url)
        return [Path(place.path[1:]).parent] if place.scheme == "sqlite" else []


@pytest.fixture
def world(alone, app, headers, tmp_path, monkeypatch) -> Iterator[World]:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    # Rankings of few customers, too.
    monkeypatch.setattr(rankings.leaders, "__defaults__", (0, rankings.LEADERS))
    with started_anew(alone) as application, Redis.from_url(alone.redis_url) as redis:
        yield World(application, headers(), redis, tmp_path, alone)


def load_everything(world: World) -> None:
    """The marker by each way in, beside others and with lines that can't be read."""
    numbers = [n for n in range(1, 121) if n not in (50, 51)]
    others = [row(f"c{n:03}", n % 60, n % 7, n * 3.25) for n in numbers]
    world.call("POST", "/interaction-summaries", json={"data": others})
    body = f"customer_id,date,amount\n{LIVELY},{days_ago(40)},{FIRST}\n{CORRUPT},{days_ago(9)},5\n"
    bad = f"{LIVELY},yesterday,{SECOND}\n{LIVELY},{days_ago(1)},{FIRST} or so\n"
    kind = {"content_type": "text/csv"}
    world.call("POST", "/transactions/preview", data=body + bad, **kind)
    world.call("PUT", "/transactions", data=body + bad, **kind)
    choices = "customer=customer_id&time=date&amount=amount&skipBadLines=true"
    world.call("PUT", f"/transactions?{choices}", data=body + bad, **kind)
    summaries = "customerId,periodType,periodKey,converts,totalValue,lastContactAt\n"
    summaries += f"{LIVELY},daily,{days_ago(3)[:10]},1,{SECOND},{days_ago(3)}\n"
    world.call("PUT", "/interaction-summaries", data=summaries + f"{LIVELY},x,y,z\n", **kind)
    world.call("PUT", "/interaction-summaries", data=summaries, **kind)
    repeat = row(LIVELY, 3, 1, SECOND, converts=1)
    world.call("POST", "/interaction-summaries", json={"data": [repeat]})


def use_everything(world: World) -> None:
    """Runs with errors, one that is cancelled half-way, a backtest, simulations, lists, pages."""
    world.call("GET", f"/customers/{LIVELY}/clv")
    with db.scope():
        poison(CORRUPT)
    job = world.run()
    errors = world.call("GET", f"/clv/jobs/{job}/errors")["data"]
    assert [error["customerId"] for error in errors] == [CORRUPT]
    started = world.call("POST", "/clv/backtests")
    with db.scope():
        backtests.work(1, world.settings)
    weights = {"recency": 1, "frequency": 0, "monetary": 0}
    world.call("POST", "/clv/simulate", json={"weights": weights})
    for kind in ("text/csv", "application/x-ndjson"):
        exported = world.client.get(
            f"{API}/clv/records?customerId={LIVELY}", headers={**world.headers, "Accept": kind}
        )
        assert LIVELY in exported.text
    visitor = Visitor(world.app, world.headers)
    values = {"customer_id": LIVELY, "customerId": LIVELY, "job_id": job, "jobId": job}
    values |= {"backtestId": started["backtestId"], "backtest_id": started["backtestId"]}
    for rule in world.app.url_map.iter_rules():
        if "GET" not in rule.methods or rule.arguments - set(values) or "/rq" in rule.rule:
            continue
        with world.app.test_request_context():
            path = world.app.url_map.bind("localhost").build(rule.endpoint, values)
        opener = world.client.get(path, headers=world.headers) if API in path else visitor.get(path)
        assert opener.status_code < 500, path


def follow(world: World, after: str | None = None) -> tuple[str, str]:
    """All of the feed from a cursor on, as it came, and the cursor of its end."""
    told, query, has_more = "", f"?after={after}" if after else "?", True
    stream = {**world.headers, "Accept": "application/x-ndjson"}
    told += world.client.get(f"{API}/clv/feed{query}", headers=stream).text
    while has_more:
        page = world.call("GET", f"/clv/feed{query}")
        pagination, has_more = page["pagination"], page["pagination"]["hasMore"]
        query = f"?after={pagination['cursor']}"
        told += json.dumps(page["data"]) + base64.urlsafe_b64decode(pagination["cursor"]).decode()
    return told, pagination["cursor"]


def cancel_a_planned_run(world: World) -> None:
    """A run with shards that begin and end with the marker, ended before they are worked on."""
    started = world.client.post(
        f"{API}/clv/compute", headers={**world.headers, "Prefer": "respond-async"}
    ).json
    queue = JobQueue(world.redis)
    with db.scope():
        run_id = db.value("SELECT MAX(id) FROM run")
        assert batch.runs.start(run_id)
        batch.plan(run_id, queue, 10, 20_000)
        bounds = db.rows("SELECT cursor, until_key FROM shard WHERE run_id = %s", (run_id,))
        assert any(LIVELY in bound for bound in bounds), bounds
    world.call("DELETE", f"/clv/jobs/{started['jobId']}")


def test_after_the_erasure_and_maintenance_nothing_is_left(world, capfd, caplog):
    caplog.set_level(logging.INFO, "clv")
    load_everything(world)
    use_everything(world)
    cancel_a_planned_run(world)
    _, cursor = follow(world)
    world.call("POST", f"/customers/{LIVELY}/clv")
    # Numbered for a reader, and told.
    told, _ = follow(world, cursor)
    assert LIVELY in told
    before = world.found()
    derived = {"clv_change", "run_error", "leaders", "snapshot", "backtest", "cohort_sums"}
    assert before["tables"] == {"interaction_summary", "clv_record"} | derived
    assert before["redis"] == set()
    for customer in (LIVELY, CORRUPT):
        erased = world.client.delete(f"{API}/customers/{customer}", headers=world.headers)
        assert erased.status_code == 204
    assert world.found()["tables"] == {"snapshot", "backtest", "cohort_sums"}
    told, cursor = follow(world, cursor)
    assert told.count('"removed"') == 4 and not MARKER.is_in(told.encode())
    assert "Vacuumed" in world.command("maintenance")
    assert world.found() == {"tables": set(), "redis": set(), "files": set()}
    if world.database_folder():
        assert before["files"]
        world.command("backup", str(world.temporary / "backup.db"))
        assert world.found()["files"] == set()
    world.run()
    assert world.found() == {"tables": set(), "redis": set(), "files": set()}
    logged = [logs.JsonLines().format(record) for record in caplog.records]
    printed = "\n".join([*logged, *capfd.readouterr()])
    assert "maintenance.done" in printed and "/customers/<customerId>" in printed
    assert not MARKER.is_in(printed.encode())
    assert "Nothing to delete." in world.command("maintenance")
