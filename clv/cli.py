"""The command line: ``flask …``. Commands are as thin as views; results go to standard output,
everything else to standard error."""

import sys
from pathlib import Path
from typing import Any

import click
from flask import Flask, current_app
from flask.cli import with_appcontext

from clv import auth, db, fields, insights, runs, service
from clv.auth import Role
from clv.cli_backtest import backtest
from clv.cli_errors import plain_errors
from clv.cli_export import export
from clv.cli_import import import_file
from clv.errors import Invalid
from clv.scoring import SEGMENTS
from clv.store import now_ms, tenants
from clv.store.tenants import Tenant

PROGRESS_SECONDS = 0.3
SUGGESTED = "suggested"


def register(app: Flask) -> None:
    """Add the commands to the application."""
    for command in (
        migrate,
        backup,
        tenants_group,
        keys_group,
        import_file,
        export,
        compute,
        backtest,
    ):
        app.cli.add_command(command)


@click.command()
@plain_errors
def migrate() -> None:
    """Create or update the tables."""
    applied = db.migrate()
    click.echo(f"Applied: {', '.join(applied)}." if applied else "Nothing to do.", err=True)


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@plain_errors
def backup(file: Path) -> None:
    """Copy the SQLite database to FILE, as of one moment, while the service runs.

    FILE appears when it is complete.
    """
    if not db.is_sqlite():
        raise Invalid('PostgreSQL has its own: pg_dump --format custom --file FILE "$DATABASE_URL"')
    part = file.with_name(f"{file.name}.part")
    part.unlink(missing_ok=True)
    part.touch(mode=0o600)
    try:
        db.backup(part)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


@click.group("tenants")
def tenants_group() -> None:
    """Create, list and set up tenants."""


@tenants_group.command("create")
@click.argument("name")
@plain_errors
def create_tenant(name: str) -> None:
    """Create the tenant NAME (lower-case letters, digits, hyphens)."""
    try:
        fields.tenant_name(name)
    except ValueError as error:
        raise Invalid(f"The name: {error}") from None
    tenants.create_tenant(name)
    click.echo(f"Created tenant {name}.", err=True)


@tenants_group.command("list")
@plain_errors
def list_tenants() -> None:
    """List the tenants with their settings."""
    click.echo(
        "name\tcustomers\tperiods\tweights R/F/M\tat-risk days\tlifespan\tshortest\tcurrency"
        "\tmodel\tchurn horizon"
    )
    for tenant in tenants.tenants():
        s = tenant.settings
        click.echo(
            f"{tenant.name}\t{tenant.customers}\t{tenant.period_type or '-'}\t"
            f"{s.weight_recency:g}/{s.weight_frequency:g}/{s.weight_monetary:g}\t{s.at_risk_days}\t"
            f"{s.lifespan_months}\t{s.min_tenure_months}\t{tenant.currency}\t{s.model}\t"
            f"{s.churn_horizon_days}"
        )


@tenants_group.command("set")
@click.argument("name")
@click.option("--weight-recency", type=float, help="0 to 1; the three weights sum to 1.")
@click.option("--weight-frequency", type=float, help="0 to 1.")
@click.option("--weight-monetary", type=float, help="0 to 1.")
@click.option("--at-risk-days", help=f"1 to 3650, or '{SUGGESTED}': from the tenant's own data.")
@click.option("--lifespan-months", type=int, help="1 to 120: what revenue is projected over.")
@click.option("--min-tenure-months", type=int, help="1 to 60: the shortest tenure in projections.")
@click.option("--model", help="rfm, or calibrated: fitted by the next full run.")
@click.option("--churn-horizon-days", type=int, help="1 to 3650: of the calibrated model's churn.")
@click.option("--currency", help="ISO 4217, for display only.")
@plain_errors
def set_tenant(name: str, currency: str | None, at_risk_days: str | None, **given: Any) -> None:
    """Change settings of the tenant NAME; those left out stay as they are."""
    tenant = tenants.tenant_by_name(name)
    changes = {key: value for key, value in given.items() if value is not None}
    if at_risk_days is not None:
        changes["at_risk_days"] = _at_risk_days(tenant, at_risk_days)
    if currency is not None:
        changes["currency"] = currency
    service.change_settings(tenant, changes)
    click.echo(f"Saved. Scores change with the next run: flask compute --tenant {name}", err=True)


@tenants_group.command("delete")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Don't ask.")
@plain_errors
def delete_tenant(name: str, yes: bool) -> None:
    """Delete the tenant NAME with its data, keys and runs, for good."""
    tenant = tenants.tenant_by_name(name)
    if not yes:
        question = f"Delete {name} and the data of its {tenant.customers:,} customers for good?"
        click.confirm(question, abort=True, err=True)
    auth.delete_tenant(tenant)
    click.echo(f"Deleted tenant {name}.", err=True)


@click.group("keys")
def keys_group() -> None:
    """Create, list and revoke API keys."""


@keys_group.command("create")
@click.option("--tenant", "name", required=True, help="The tenant whose data the key opens.")
@click.option("--role", required=True, type=click.Choice(["admin", "editor", "viewer"]))
@click.option("--expires-days", type=click.IntRange(1, 36_500), help="Left out: never.")
@click.option("--label", default="", help="What the key is for.")
@plain_errors
def create_key(name: str, role: str, expires_days: int | None, label: str) -> None:
    """Create a key and print its token, this once."""
    tenant = tenants.tenant_by_name(name)
    click.echo(auth.create_key(tenant, Role.parse(role), label, expires_days))


@keys_group.command("list")
@click.option("--tenant", "name", required=True)
@plain_errors
def list_keys(name: str) -> None:
    """List a tenant's keys by their public parts."""
    keys, now = tenants.keys(tenants.tenant_by_name(name).id), now_ms()
    click.echo("public\trole\tstate\tcreated\texpires\tlast used\tlabel")
    for key in keys:
        state = "active" if key.is_active(now) else "expired"
        if key.revoked_ms is not None:
            state = "revoked"
        created, expires = fields.iso(key.created_ms), fields.iso(key.expires_ms) or "never"
        used = fields.iso(key.last_used_ms) or "never"
        click.echo(f"{key.public}\t{key.role}\t{state}\t{created}\t{expires}\t{used}\t{key.label}")


@keys_group.command("revoke")
@click.argument("public")
@plain_errors
def revoke_key(public: str) -> None:
    """Revoke the key with this PUBLIC part for good."""
    auth.revoke_key(public)
    click.echo("Revoked.", err=True)


@click.command()
@click.option("--tenant", "name", help="The tenant to compute.")
@click.option("--all", "everyone", is_flag=True, help="Compute every tenant.")
@click.option("--segment", type=click.Choice(SEGMENTS), help="Only this segment.")
@click.option("--no-wait", is_flag=True, help="Start the run and return.")
@with_appcontext
@plain_errors
def compute(name: str | None, everyone: bool, segment: str | None, no_wait: bool) -> None:
    """Start a batch run and show its progress."""
    if (name is None) != everyone:
        raise click.UsageError("Give either --tenant NAME or --all.")
    chosen = tenants.tenants() if name is None else [tenants.tenant_by_name(name)]
    if not chosen:
        click.echo("There are no tenants.", err=True)
    queue = current_app.extensions["queue"]
    hours = current_app.extensions["settings"].run_deadline_hours
    started = [
        (tenant, runs.start(tenant.id, segment, "command line", hours, queue.ring))
        for tenant in chosen
    ]
    if not queue.workers_alive():
        click.echo(runs.NO_WORKER, err=True)
    failed = False
    for tenant, run in started:
        if no_wait:
            click.echo(f"{tenant.name}\t{run.job_id}")
        else:
            failed |= not _follow(tenant, run.id)
    if failed:
        sys.exit(1)


def _at_risk_days(tenant: Tenant, text: str) -> int:
    if text != SUGGESTED:
        try:
            return int(text)
        except ValueError:
            raise Invalid(f"--at-risk-days must be a number or '{SUGGESTED}'.") from None
    suggestion = insights.suggest_at_risk_days(tenant)
    if suggestion is None:
        raise Invalid("There is no suggestion: no customer has come back on another day yet.")
    return suggestion.days


def _follow(tenant: Tenant, run_id: int) -> bool:
    """Show a run until it ends; whether it finished."""
    with click.progressbar(length=1000, label=tenant.name, file=sys.stderr) as bar:
        while (run := runs.wait(run_id, PROGRESS_SECONDS)).is_active:
            bar.update(int(runs.job(run)["percent"] * 10) - bar.pos)
        bar.update(int(runs.job(run)["percent"] * 10) - bar.pos)
    outcome = f"{run.computed:,} computed, {run.errors:,} errors"
    click.echo(f"{tenant.name}: {run.status}, {outcome}{f': {run.message}' if run.message else ''}")
    return run.status == "finished"
