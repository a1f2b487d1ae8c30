"""``clv compute``."""

import importlib

import pytest

from app import create_app
from clv import db
from tests.conftest import unreachable_redis
from tests.unit.cli.support import acme


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


@pytest.mark.parametrize("tenants", [("--tenant", "acme"), ("--all",)], ids=" ".join)
def test_without_a_worker_it_says_so_and_ends(alone, tenant, log, run, monkeypatch, tenants):
    run("import", log("a,2026-04-01,1"), "--tenant", "acme")
    run("tenants", "create", "other")
    # The name in the package is the command.
    module = importlib.import_module("clv.cli.compute")
    monkeypatch.setattr(module, "WORKER_SECONDS", 0.5)
    done = create_app(alone).test_cli_runner().invoke(args=("compute", *tenants))
    assert done.exit_code == 1
    assert "No worker is running" in done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == (1 if "acme" in tenants else 2)
    assert lines[0] == (
        "acme: queued, 0 computed, 0 errors: No worker is running. The run goes on when one does."
    )
