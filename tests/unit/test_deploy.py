"""app.json and the Procfile, which Heroku reads, fit the service."""

import json
import subprocess
import sys

import pytest

from clv import config
from clv.config import ROOT, from_env
from clv.errors import ConfigError
from tests.conftest import free_port

APP = json.loads((ROOT / "app.json").read_text())
PROCESSES = dict(
    line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines() if line
)
SECRETS = {"SECRET_KEY", "METRICS_TOKEN", "RQ_DASHBOARD_PASSWORD"}
# The variables that the add-ons set.
ADD_ONS = {"DATABASE_URL": "postgres://u:p@h:5432/d", "REDIS_URL": "rediss://:p@h:6380"}


def test_every_variable_is_one_that_the_service_reads():
    assert set(APP["env"]) <= set(config.VARIABLES)
    assert all(entry["description"] for entry in APP["env"].values())


def test_secrets_are_generated_and_nothing_else_is():
    generated = {name for name, entry in APP["env"].items() if entry.get("generator") == "secret"}
    assert generated == SECRETS
    assert not any("value" in APP["env"][name] for name in SECRETS)


def test_the_service_accepts_its_values():
    # Heroku generates 64 hexadecimal digits.
    values = {
        name: entry.get("value", "0123456789abcdef" * 4) for name, entry in APP["env"].items()
    }
    settings = from_env({**ADD_ONS, **values, "DYNO": "web.1"})
    assert settings.trusted_proxies == 1 and settings.worker_runs_cron
    assert settings.redis_url.endswith("ssl_cert_reqs=none")
    assert settings.metrics_token and settings.rq_dashboard_user and settings.secret_key


def test_the_processes_are_those_of_the_procfile_and_one_starts_the_nightly_run():
    assert set(APP["formation"]) == {"web", "worker"} <= set(PROCESSES)
    assert PROCESSES["release"] == "flask migrate"
    assert {addon["plan"].split(":")[0] for addon in APP["addons"]} == {
        "heroku-postgresql",
        "heroku-redis",
    }


@pytest.mark.parametrize("variables", [{}, {"DATABASE_URL": "sqlite:////tmp/clv.db"}])
def test_sqlite_is_refused_on_heroku(variables):
    with pytest.raises(ConfigError, match="PostgreSQL database on Heroku") as refused:
        from_env({**variables, "DYNO": "web.1"})
    assert "heroku addons:create heroku-postgresql" in refused.value.message
    assert from_env(variables).database_url.startswith("sqlite:")


@pytest.mark.parametrize(
    "command",
    [
        ("flask", "migrate"),
        ("gunicorn", "--bind", "127.0.0.1:{port}", "app:create_app()"),
        ("jobs.worker",),
        ("jobs.cron",),
    ],
)
def test_every_process_ends_with_one_line_that_says_so(command):
    arguments = [argument.format(port=free_port()) for argument in command]
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=ROOT,
        env={"DYNO": "web.1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode != 0
    (line,) = [line for line in done.stderr.splitlines() if line.strip()]
    assert line.startswith("Configuration: DATABASE_URL must be a PostgreSQL database on Heroku")
