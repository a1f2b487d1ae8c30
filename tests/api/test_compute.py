"""POST /clv/compute with a real worker, which ends the runs."""

import json
import threading
from dataclasses import replace

import pytest

from app import create_app
from clv import db
from clv.store import runs as stored
from tests.api.support import poison, row
from tests.conftest import wait_until

URL = "/api/v1/clv/compute"


@pytest.fixture
def queue(app):
    return app.extensions["clv"].queue


@pytest.mark.parametrize(
    "request_body",
    [
        {},
        {"data": b"", "content_type": "application/json"},
        {"json": {}},
        {"json": {"segment": None}},
    ],
)
def test_a_request_without_a_segment_computes_everybody(
    client, headers, load, worker, request_body
):
    load(row("a", 1, 3, 10), row("b", 40, 1, 5), row("c", 2))
    answer = client.post(URL, headers=headers(), **request_body)
    assert answer.status_code == 200, answer.text
    assert answer.data.strip() == b'{"success":true,"computed":3,"errors":0,"segment":"all"}'
    record = client.get("/api/v1/customers/b/clv", headers=headers()).json
    assert (record["source"], record["segment"]) == ("cached", "at_risk")


def test_a_tenant_without_customers_is_computed_at_once(client, headers, tenant, worker):
    answer = client.post(URL, headers=headers())
    assert (answer.status_code, answer.json["computed"]) == (200, 0)


def test_a_segment_run_covers_its_members_and_those_never_scored(client, headers, load, worker):
    load(row("old", 40), row("x", 1, 5, 9), row("y", 1, 5, 9))
    client.post(URL, headers=headers())
    load(row("new", 3))
    answer = client.post(URL, headers=headers(), json={"segment": "at_risk"})
    assert answer.json == {"success": True, "computed": 2, "errors": 0, "segment": "at_risk"}


def test_a_200_implies_that_all_ingested_before_was_scored(client, headers, load, worker, queue):
    load(*(row(f"c{n}", 1) for n in range(200)))
    key = headers()
    for value in range(5):
        started = client.post(URL, headers={**key, "Prefer": "respond-async"})
        assert started.status_code == 202
        load(row("late", 0, value + 1, value))
        answer = client.post(URL, headers=key)
        assert answer.status_code == 200
        record = client.get("/api/v1/customers/late/clv", headers=key).json
        assert (record["source"], record["rfmFrequency"]) == ("cached", value + 1)


def test_two_requests_at_once_share_one_run(app, headers, load, worker):
    load(row("a", 1))
    key, answers = headers(), []

    def ask() -> None:
        answers.append(app.test_client().post(URL, headers=key))

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status_code for answer in answers] == [200, 200]
    listed = app.test_client().get("/api/v1/clv/jobs", headers=key).json["data"]
    assert 1 <= len(listed) <= 2
    assert {job["status"] for job in listed} == {"finished"}


def test_a_request_during_a_run_queues_one_follow_up(app, client, headers, load, settings, worker):
    load(row("a", 1))
    key = headers()
    with db.scope():
        first, _ = stored.join_or_create(1, None, "test", 10**9)
        assert stored.start(first.id)
    answers = [
        client.post(URL, headers={**key, "Prefer": "respond-async"}, json={"segment": segment})
        for segment in ("high", "high", "low")
    ]
    assert len({answer.json["jobId"] for answer in answers}) == 1
    assert [answer.json["segment"] for answer in answers] == ["high", "high", "all"]
    assert answers[0].json["status"] == "queued"
    # The first run is worked off by the worker, and then the one that waited.
    app.extensions["clv"].queue.ring(1)
    url = f"/api/v1/clv/jobs/{answers[0].json['jobId']}"
    wait_until(lambda: client.get(url, headers=key).json["status"] == "finished", "the follow-up")


def test_respond_async_answers_at_once_with_the_job(client, headers, load, worker):
    load(row("a", 1))
    key = headers()
    answer = client.post(URL, headers={**key, "Prefer": "respond-async, wait=10"})
    assert answer.status_code == 202
    assert answer.headers["Preference-Applied"] == "respond-async"
    location = answer.headers["Location"]
    assert location.endswith(answer.json["jobId"])
    wait_until(lambda: client.get(location, headers=key).json["success"], "the run")
    job = client.get(location, headers=key).json
    assert (job["total"], job["processed"], job["percent"]) == (1, 1, 100.0)
    assert job["startedAt"] and job["finishedAt"] and job["message"] is None
    assert job["startedAt"] <= job["asOf"] <= job["finishedAt"]
    records = client.get("/api/v1/clv/records", headers=key).json["data"]
    assert {record["computedAt"] for record in records} == {job["asOf"]}
    assert list(json.loads(client.get(location, headers=key).data)) == [
        "jobId",
        "status",
        "success",
        "segment",
        "total",
        "processed",
        "computed",
        "errors",
        "percent",
        "customersPerSecond",
        "etaSeconds",
        "requestedBy",
        "createdAt",
        "startedAt",
        "asOf",
        "finishedAt",
        "message",
    ]


def test_a_wait_that_is_too_short_is_a_202(settings, app, headers, load, worker):
    load(row("a", 1))
    key = headers()
    impatient = create_app(replace(settings, compute_wait_seconds=0.0)).test_client()
    answer = impatient.post(URL, headers=key)
    assert answer.status_code == 202
    assert answer.headers["Location"].endswith(answer.json["jobId"])
    url = answer.headers["Location"]
    wait_until(lambda: impatient.get(url, headers=key).json["success"], "the run")


def test_jobs_of_another_tenant_do_not_exist(client, headers, load, worker):
    load(row("a", 1))
    job_id = client.post(URL, headers={**headers(), "Prefer": "respond-async"}).json["jobId"]
    foreign = headers("admin", "other")
    bodies = set()
    for wanted in (job_id, "00000000-0000-4000-8000-000000000000", "no-uuid"):
        for path in (f"/api/v1/clv/jobs/{wanted}", f"/api/v1/clv/jobs/{wanted}/errors"):
            answer = client.get(path, headers=foreign)
            assert answer.status_code == 404
            bodies.add(answer.data)
    assert len(bodies) == 1
    assert client.get("/api/v1/clv/jobs", headers=foreign).json["data"] == []


def test_customers_that_cannot_be_computed_are_named(client, headers, load, worker, settings):
    load(*(row(f"c{n:03}", 1) for n in range(120)))
    with db.scope():
        poison("c007")
        poison("c099")
    key = headers()
    answer = client.post(URL, headers=key)
    assert (answer.json["computed"], answer.json["errors"]) == (118, 2)
    job = client.get("/api/v1/clv/jobs", headers=key).json["data"][0]
    page = client.get(f"/api/v1/clv/jobs/{job['jobId']}/errors?limit=1", headers=key).json
    assert page["data"] == [
        {"customerId": "c007", "message": "A count in the interaction summaries is negative."}
    ]
    rest = f"/api/v1/clv/jobs/{job['jobId']}/errors?cursor={page['pagination']['cursor']}"
    assert [row["customerId"] for row in client.get(rest, headers=key).json["data"]] == ["c099"]
