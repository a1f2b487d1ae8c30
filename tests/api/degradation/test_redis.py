"""What goes on without Redis."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from urllib.parse import urlsplit

from app import create_app
from tests.api.degradation.support import (
    CLV,
    COMPUTE,
    CSV,
    PATIENCE_SECONDS,
    ROWS,
    THREADS,
    answered,
)
from tests.api.support import row
from tests.api.web import gunicorn, read
from tests.conftest import wait_until
from tests.support import outages


def test_without_redis_all_but_batches_works(without_redis, app, headers, load):
    load(row("a", 1, 9, 90), row("b", 2))
    client, key = create_app(without_redis).test_client(), headers()
    assert client.get(CLV, headers=key).json["source"] == "computed"
    assert client.post(CLV, headers=key).json["source"] == "recomputed"
    for path in ("clv/records", "clv/jobs", "clv/summary", "clv/changes", "settings"):
        assert client.get(f"/api/v1/{path}", headers=key).status_code == 200, path
    assert client.post(ROWS, json={"data": [row("c", 3)]}, headers=key).json["inserted"] == 1
    file = f"customer_id,date,amount\nd,{row('d', 1)['periodKey']},5\n"
    answer = client.put("/api/v1/transactions", data=file, headers={**key, **CSV})
    assert answer.json["inserted"] == 1
    assert client.get("/readyz").json["redis"] == "unavailable"


def test_without_redis_a_batch_is_refused_in_time(without_redis, app, headers, load):
    load(row("a", 1))
    lonely, key = create_app(without_redis), headers()
    # More than Redis connections: those that wait for one have to be told in time, too.
    with ThreadPoolExecutor(2 * THREADS) as pool:
        asked = [
            pool.submit(lambda: lonely.test_client().post(COMPUTE, headers=key))
            for _ in range(2 * THREADS)
        ]
        answers = [answer.result(PATIENCE_SECONDS) for answer in asked]
    assert [answer.status_code for answer in answers] == [503] * 2 * THREADS
    assert all("Redis" in a.json["message"] and a.headers["Retry-After"] for a in answers)


def test_a_batch_that_redis_forgets_in_mid_connection_is_refused(settings, app, headers, load):
    load(row("a", 1))
    url = urlsplit(settings.redis_url)
    with outages.Proxy(url.port) as proxy:
        behind = url._replace(netloc=f"127.0.0.1:{proxy.port}").geturl()
        client, key = create_app(replace(settings, redis_url=behind)).test_client(), headers()
        prefer = {**key, "Prefer": "respond-async"}
        assert client.post(COMPUTE, headers=prefer).status_code == 202
        proxy.fall_silent()
        assert client.post(COMPUTE, headers=prefer).status_code == 503
        assert client.get("/api/v1/clv/jobs", headers=key).status_code == 200


def test_the_service_lives_while_all_that_may_wait_for_runs_do(settings, app, headers, load):
    load(row("a", 1))
    key = headers()
    # Nobody works on it: a worker may, and then it is asked for again.
    idle = replace(settings, redis_url=settings.redis_url[:-1] + "7")
    prefer = {**key, "Prefer": "respond-async"}
    job = create_app(idle).test_client().post(COMPUTE, headers=prefer).json["jobId"]
    path, lines = f"/api/v1/clv/jobs/{job}", "".join(f"{k}: {v}\r\n" for k, v in key.items())
    ask = f"GET {path}?wait=25 HTTP/1.1\r\nHost: x\r\n{lines}\r\n".encode()
    with gunicorn(idle, WEB_THREADS=str(THREADS)) as web:
        asked = [web.connect(ask) for _ in range(THREADS)]
        # A tenant alone has all seats but one.
        seats = THREADS // 2 - 1
        wait_until(lambda: len(answered(asked)) == len(asked) - seats, "all seats are taken")
        assert web.get("/healthz").status == 200 and web.get(CLV, **key).status == 200
        waiting = [one for one in asked if one not in answered(asked)]
        assert len(waiting) == seats
        assert app.test_client().delete(path, headers=key).status_code == 202
        assert [json.loads(read(one).body)["status"] for one in waiting] == ["cancelled"] * seats
        for connection in asked:
            connection.close()
