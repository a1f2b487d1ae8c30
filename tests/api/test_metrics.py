"""GET /metrics: who may read it, and that it counts right over processes, reloads and kills."""

import os
import re
import signal
from collections.abc import Iterator
from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families
from redis import Redis

from app import create_app
from clv import db
from clv.config import ROOT, Settings
from clv.services.runs import cancel
from clv.store import runs, tenants
from tests.api.support import poison, row
from tests.api.test_errors import assert_is_an_error
from tests.api.web import Web, gunicorn
from tests.conftest import free_port, unreachable_redis, wait_until
from tests.jobs.support import Bell, complete
from tests.support import outages

TOKEN = "metrics-token"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
CLV = "/api/v1/customers/<customerId>/clv"


def parsed(text: str) -> dict[tuple, float]:
    """All samples by name and sorted labels."""
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def read(client, **headers) -> dict[tuple, float]:
    """What /metrics answers."""
    answer = client.get("/metrics", headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.content_type == "text/plain; version=0.0.4; charset=utf-8"
    return parsed(answer.text)


def requests(found: dict[tuple, float], route: str, status: int, method: str = "GET") -> float:
    """How many such requests were counted."""
    labels = (("method", method), ("route", route), ("status", str(status)))
    return found.get(("clv_http_requests_total", *labels), 0)


def metric(found: dict[tuple, float], name: str, **labels: str) -> float | None:
    """One sample."""
    return found.get((name, *sorted(labels.items())))


@pytest.fixture
def queue(settings) -> Iterator[Bell]:
    """A queue that nobody works on."""
    with Redis.from_url(settings.redis_url) as redis:
        yield Bell(redis)


def test_with_a_token_only_who_sends_it_may_read(app, settings):
    client = create_app(replace(settings, metrics_token=TOKEN, trusted_proxies=1)).test_client()
    assert client.get("/metrics", headers=BEARER).status_code == 200
    assert client.get("/metrics", headers={"Authorization": f"bearer {TOKEN} "}).status_code == 200
    for wrong in ("", "Bearer", "Bearer ", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x", "Bearer é"):
        answer = client.get("/metrics", headers={"Authorization": wrong})
        assert_is_an_error(answer, 401)
        assert answer.headers["WWW-Authenticate"] == "Bearer" and "clv_" not in answer.text


def test_without_a_token_only_this_machine_may_read_and_only_without_a_proxy(app, settings):
    def status(application, address, **headers):
        environ = {"REMOTE_ADDR": address}
        client = application.test_client()
        return client.get("/metrics", environ_base=environ, headers=headers).status_code

    assert [status(app, own) for own in ("127.0.0.1", "127.8.8.8", "::1")] == [200] * 3
    for host in ("localhost:8000", "LOCALHOST", "127.0.0.1:8000", "127.1.2.3", "[::1]", "[::1]:1"):
        assert status(app, "127.0.0.1", Host=host) == 200, host
    for host in ("evil.example", "localhost.evil.example", "10.0.0.1", "127.0.0.1.evil.example",
                 "[2001:db8::1]:80", "0.0.0.0", "x", "[::1"):  # fmt: skip
        assert status(app, "127.0.0.1", Host=host) in (400, 403), host
    for other in ("10.0.0.1", "2001:db8::1", "", "nonsense", "169.254.0.1"):
        assert status(app, other) == 403
    assert status(app, "127.0.0.1", **{"X-Forwarded-For": "127.0.0.1"}) == 403
    assert status(app, "127.0.0.1", Forwarded="for=127.0.0.1") == 403
    proxied = create_app(replace(settings, trusted_proxies=1))
    assert status(proxied, "127.0.0.1") == 403
    assert status(proxied, "10.0.0.1", **{"X-Forwarded-For": "127.0.0.1"}) == 403


def test_requests_are_counted_by_rule_method_and_status(client, load, headers):
    load(row("a-customer", 1))
    viewer = headers("viewer")
    for path in ("a-customer", "nobody", "other"):
        client.get(f"/api/v1/customers/{path}/clv?secret=1", headers=viewer)
    client.get("/api/v1/customers/a-customer/clv")
    client.post("/api/v1/customers/a-customer/clv", headers=viewer)
    client.get("/no/such/path")
    client.open("/healthz", method="BREW")
    found = read(client)
    assert [requests(found, CLV, status) for status in (200, 404, 401, 403)] == [1, 2, 1, 0]
    assert requests(found, CLV, 403, "POST") == 1
    assert requests(found, "other", 404) == 1
    assert requests(found, "other", 405, "other") == 1
    assert metric(found, "clv_http_request_duration_seconds_count", route=CLV) == 5
    assert metric(found, "clv_http_request_duration_seconds_bucket", route=CLV, le="+Inf") == 5
    assert metric(found, "clv_http_request_duration_seconds_sum", route=CLV) > 0
    text = client.get("/metrics").text
    for private in ("a-customer", "nobody", "acme", "secret", viewer["Authorization"][7:]):
        assert private not in text


def test_a_file_is_counted_when_it_was_sent(client, load, headers):
    load(row("a", 1))
    accept = {**headers("viewer"), "Accept": "text/csv"}
    with client.get("/api/v1/clv/records", headers=accept, buffered=False) as answer:
        assert requests(read(client), "/api/v1/clv/records", 200) == 0
        assert answer.data
    assert requests(read(client), "/api/v1/clv/records", 200) == 1


def test_every_series_of_an_alert_is_there_before_anything_has_happened(client):
    client.get("/healthz")
    found = read(client)
    alerts = re.search(r"```yaml\n(.*?)```", (ROOT / "docs/operations.md").read_text(), re.DOTALL)
    named = set(re.findall(r"(clv_\w+)(?:\{(\w+)=\"(\w+)\"\})?", alerts[1]))
    assert ("clv_runs_total", "status", "failed") in named
    for name, label, value in named:
        labels = {label: value} if label else {}
        assert any(
            sample[0] == name and set(labels.items()) <= set(sample[1:]) for sample in found
        ), (name, labels)
    for status in ("finished", "failed", "cancelled"):
        for name in ("runs", "run_seconds", "customers_computed", "customers_failed"):
            assert metric(found, f"clv_{name}_total", status=status) == 0
    for dependency in ("database", "redis"):
        assert metric(found, "clv_dependency_errors_total", dependency=dependency) == 0


def test_what_runs_did_comes_from_the_database(app, client, load, queue):
    before = read(client)
    assert metric(before, "clv_tenants") == metric(before, "clv_oldest_full_run_age_seconds") == 0
    assert metric(before, "clv_runs_total", status="finished") == 0
    load(*(row(f"c{n}", n) for n in range(1, 121)), row("bad", 1))
    with db.scope():
        poison("bad")
        db.execute("UPDATE tenant SET created_ms = created_ms - 200000000")
        waiting = runs.join_or_create(1, None, "test", 10**9)[0]
        found = read(client)
        assert metric(found, "clv_runs_active", status="queued") == 1
        assert metric(found, "clv_oldest_active_run_seconds", status="queued") >= 0
        assert metric(found, "clv_tenants_stale") == metric(found, "clv_tenants") == 1
        assert metric(found, "clv_oldest_full_run_age_seconds") >= 200_000
        complete(waiting.id, queue)
        cancel(1, runs.join_or_create(1, None, "test", 10**9)[0].job_id, "test", queue)
        runs.close(runs.join_or_create(1, "high", "test", 10**9)[0].id, "failed", "For a test.")
    found = read(client)
    for status in ("finished", "cancelled", "failed"):
        assert metric(found, "clv_runs_total", status=status) == 1
    assert metric(found, "clv_customers_computed_total", status="finished") == 120
    assert metric(found, "clv_customers_failed_total", status="finished") == 1
    assert metric(found, "clv_run_seconds_total", status="finished") > 0
    assert metric(found, "clv_runs_active", status="queued") == 0
    assert metric(found, "clv_tenants_stale") == 0
    assert metric(found, "clv_oldest_full_run_age_seconds") < 3_600
    with db.scope():
        db.execute("DELETE FROM run")
    assert metric(read(client), "clv_runs_total", status="finished") == 1, "it outlives the runs"


def test_a_run_is_counted_once_however_often_it_is_ended(client, load, queue):
    load(row("a", 1))
    with db.scope():
        run = runs.join_or_create(1, None, "test", 10**9)[0]
        complete(run.id, queue)
        assert not runs.finish(runs.by_id(run.id), "{}")
        assert not runs.close(run.id, "failed", "Too late.")
    found = read(client)
    assert metric(found, "clv_runs_total", status="finished") == 1
    assert metric(found, "clv_runs_total", status="failed") == 0


def test_the_runs_of_a_deleted_tenant_are_counted_as_cancelled(client, load):
    load(row("a", 1))
    with db.scope():
        runs.join_or_create(1, None, "test", 10**9)
        tenants.delete_tenant(1)
    assert metric(read(client), "clv_runs_total", status="cancelled") == 1


def test_queue_and_workers_are_shown(client, settings, worker):
    with Redis.from_url(settings.redis_url) as redis:
        found = read(client)
        assert metric(found, "clv_redis_up") == metric(found, "clv_database_up") == 1
        assert metric(found, "clv_queue_depth") == redis.llen("rq:queue:clv")
        assert metric(found, "clv_workers") >= 1


def test_without_redis_the_rest_is_shown_and_failures_are_counted(app, settings, headers):
    client = create_app(unreachable_redis(settings)).test_client()
    found = read(client)
    assert metric(found, "clv_redis_up") == 0 and metric(found, "clv_database_up") == 1
    assert metric(found, "clv_queue_depth") is metric(found, "clv_workers") is None
    assert metric(found, "clv_dependency_errors_total", dependency="redis") == 0
    assert client.post("/api/v1/clv/compute", headers=headers("admin")).status_code == 503
    assert metric(read(client), "clv_dependency_errors_total", dependency="redis") == 1


def test_without_a_database_the_rest_is_shown_and_failures_are_counted(app, settings, headers):
    key = headers("viewer")
    dead = f"postgresql://nobody@127.0.0.1:{free_port()}/none"
    client = create_app(replace(settings, database_url=dead)).test_client()
    assert client.get("/api/v1/customers/a/clv", headers=key).status_code == 503
    found = read(client)
    assert metric(found, "clv_database_up") == 0 and metric(found, "clv_redis_up") == 1
    assert metric(found, "clv_dependency_errors_total", dependency="database") == 1
    assert requests(found, CLV, 503) == 1


def counted(web: Web) -> float:
    """How many requests to a customer nobody authenticated the processes have counted."""
    return requests(shown(web), CLV, 401)


def shown(web: Web) -> dict[tuple, float]:
    """What /metrics answers to this machine."""
    answer = web.send(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert answer.status == 200
    return parsed(answer.body.decode())


def test_processes_count_together_through_reloads_and_kills(tmp_path):
    settings = Settings(database_url=f"sqlite:///{tmp_path / 'own.db'}")
    with outages.another_database(settings):
        db.migrate()
    with gunicorn(settings, WEB_CONCURRENCY="2") as web:

        def send(count: int) -> None:
            for _ in range(count):
                assert web.get("/api/v1/customers/a/clv").status == 401

        send(20)
        assert {counted(web) for _ in range(8)} == {20}, "whichever process answers"
        before = set(web.workers)
        os.kill(web.process.pid, signal.SIGHUP)
        wait_until(lambda: len(web.workers) == 2 and not before & set(web.workers), "a reload")
        send(10)
        assert counted(web) == 30
        for victim in web.workers:
            os.kill(victim, signal.SIGKILL)
            wait_until(lambda v=victim: v not in web.workers and len(web.workers) == 2, "another")
        send(10)
        assert {counted(web) for _ in range(8)} == {40}
        assert web.send(b"BAD\r\n\r\n").status == 400
        assert requests(shown(web), "other", 400, "other") == 1
        assert web.send(b"GET /metrics HTTP/1.0\r\n\r\n").status == 403, "without a Host"
