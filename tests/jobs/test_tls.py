"""A Redis that speaks TLS with a self-signed certificate, as some providers have it."""

import json
import shutil
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme
from redis import Redis

from app import create_app
from clv import config, db
from clv.auth import keys
from clv.auth.principal import Role
from clv.config import ROOT
from clv.store import runs, tenants
from tests.api.web import gunicorn
from tests.jobs.support import add_customers
from tests.support.processes import environment, free_port, pings, wait_until

CREDENTIALS = {"RQ_DASHBOARD_USER": "ops", "RQ_DASHBOARD_PASSWORD": "secret"}
BASIC = f"Basic {b64encode(b'ops:secret').decode()}"


@dataclass(frozen=True)
class Service:
    """A database with a tenant of 60 customers beside a Redis with TLS."""

    variables: dict[str, str]
    token: str

    def settings(self, verify: str) -> config.Settings:
        """The settings that its processes read."""
        return config.from_env({**self.variables, "REDIS_TLS_VERIFY": verify})


@pytest.fixture(scope="module")
def redis_url(workspace: Path) -> Iterator[str]:
    """A real Redis that speaks only TLS."""
    executable = shutil.which("redis-server") or shutil.which("valkey-server")
    if executable is None:
        pytest.skip("there is no Redis that may speak TLS on the PATH")
    authority, port = trustme.CA(), free_port()
    authority.cert_pem.write_to_path(workspace / "redis.crt")
    authority.private_key_pem.write_to_path(workspace / "redis.key")
    command = [executable, "--port", "0", "--tls-port", str(port), "--bind", "127.0.0.1"]
    command += ["--tls-cert-file", "redis.crt", "--tls-key-file", "redis.key"]
    command += ["--tls-auth-clients", "no", "--save", "", "--requirepass", "sesame"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=workspace)
    url = f"rediss://:sesame@127.0.0.1:{port}/0"
    with Redis.from_url(f"{url}?ssl_cert_reqs=none") as client:
        wait_until(lambda: process.poll() is not None or pings(client), "Redis starts")
    if process.poll() is not None:
        pytest.skip("the Redis on the PATH was built without TLS")
    yield url
    process.terminate()
    process.wait()


@pytest.fixture(scope="module")
def service(workspace: Path, redis_url: str) -> Iterator[Service]:
    """A service whose nightly run is due."""
    variables = {"DATABASE_URL": f"sqlite:///{workspace / 'tls.db'}", "REDIS_URL": redis_url}
    db.configure(config.from_env(variables))
    with db.scope():
        db.migrate()
        tenant = tenants.create_tenant("secured")
        token = keys.create_key(tenant, Role.ADMIN)
        add_customers(tenant, 60)
        db.execute("UPDATE tenant SET nightly_ms = 0")
    yield Service(variables, token)
    db.database.close_all()


@contextmanager
def running(module: str, service: Service, verify: str, log: Path) -> Iterator[None]:
    """A process of the service; its log goes to a file."""
    environ = environment(service.settings("true"), REDIS_TLS_VERIFY=verify)
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", module], cwd=ROOT, env=environ, stderr=errors
        )
        try:
            yield
        finally:
            process.terminate()
            process.wait()


def run(condition: Callable[[runs.Run], bool]) -> bool:
    """Whether the tenant has such a run."""
    with db.scope():
        return any(map(condition, runs.page(1, None, 10)))


def test_without_verification_web_worker_cron_and_dashboard_work(service, tmp_path):
    settings = service.settings("false")
    with (
        running("jobs.cron", service, "false", tmp_path / "cron.log"),
        running("jobs.worker", service, "false", tmp_path / "worker.log"),
        gunicorn(service.settings("true"), REDIS_TLS_VERIFY="false", **CREDENTIALS) as web,
    ):
        nightly = "the worker ends the run that cron has started"
        wait_until(
            lambda: run(lambda r: r.requested_by == "schedule" and r.status == "finished"), nightly
        )
        request = (
            f"POST /api/v1/clv/compute HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {service.token}"
            "\r\nContent-Length: 0\r\n\r\n"
        )
        answer = web.send(request.encode())
        assert answer.status == 200 and json.loads(answer.body)["computed"] == 60
        ready = json.loads(web.get("/readyz").body)
        assert (ready["status"], ready["redis"], ready["workers"]) == ("ok", "ok", 1)
        for path in ("/rq/0/data/queues.json", "/rq/0/data/workers.json", "/rq/"):
            assert web.get(path, Authorization=BASIC).status == 200
    for name in ("cron.log", "worker.log"):
        text = (tmp_path / name).read_text()
        assert "failed" not in text and "lost" not in text
    assert "ssl_cert_reqs=none" in settings.redis_url


def test_with_verification_the_certificate_is_refused_and_named(service, tmp_path):
    application = create_app(service.settings("true"))
    client, log = application.test_client(), tmp_path / "worker.log"
    key = {"Authorization": f"Bearer {service.token}"}
    answer = client.post("/api/v1/clv/compute", headers=key)
    assert answer.status_code == 503 and "REDIS_TLS_VERIFY=false" in answer.json["message"]
    assert client.get("/readyz").json["redis"] == "unavailable"
    assert client.get("/api/v1/customers/c00001/clv", headers=key).status_code == 200
    with running("jobs.worker", service, "true", log):
        wait_until(lambda: "redis.lost" in log.read_text(), "the worker is refused")
    assert "REDIS_TLS_VERIFY=false" in log.read_text() and "sesame" not in log.read_text()
