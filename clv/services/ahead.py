"""Times that were stored while the database's clock was ahead, and are not believed now that it is
right again: what becomes of them, and the log line that says so."""

import logging

from clv import logs
from clv.store import ahead, tenants


def report(tenant_id: int, what: list[str]) -> None:
    """Log which of a tenant's stored times lie ahead of the clock."""
    if what:
        name = tenants.tenant_by_id(tenant_id).name
        logs.event("clock.was_ahead", logging.WARNING, tenant=name, what=what)


def report_tenant(tenant_id: int) -> None:
    """Look for what a run is about to correct."""
    report(tenant_id, ahead.of_tenant(tenant_id))


def report_nightly(latest_ms: int) -> None:
    """Look for nights after this; their runs are about to be started again."""
    for tenant_id in ahead.nightly(latest_ms):
        report(tenant_id, ["nightly"])


def drop_leases(lease_ms: int, run_id: int | None = None) -> None:
    """Drop the leases that lie further ahead than they are long: their holders may be dead.

    :param run_id: look at this run alone
    """
    dropped = ahead.drop_run_leases(lease_ms, run_id)
    if run_id is None:
        dropped += ahead.drop_backtest_leases(lease_ms)
    for tenant_id in sorted(set(dropped)):
        report(tenant_id, ["lease"])
