"""The command line: ``flask …``. Commands are as thin as views; results go to standard output,
everything else to standard error."""

import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from functools import wraps
from pathlib import Path
from typing import Any, BinaryIO

import click
from flask import Flask, current_app
from flask.cli import with_appcontext

from clv import auth, db, fields, insights, logs, runs, service, writer
from clv.auth import Role
from clv.errors import ClvError, Invalid
from clv.reader import Columns, Rejected, read_transactions
from clv.scoring import DAY_MS, SEGMENTS
from clv.store import now_ms, tenants
from clv.store.listing import Filter, Listed
from clv.store.summaries import Merged, Transaction
from clv.store.tenants import Tenant

PROGRESS_ROWS = 1_000
PROGRESS_SECONDS = 0.3
SUGGESTED = "suggested"


def register(app: Flask) -> None:
    """Add the commands to the application."""
    for command in (migrate, tenants_group, keys_group, import_file, export, compute):
        app.cli.add_command(command)


def plain_errors(command: Callable) -> Callable:
    """Show an error of the domain as one line, and give the connection back in any case."""

    @wraps(command)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        try:
            with db.scope():
                return command(*args, **kwargs)
        except ClvError as error:
            raise click.ClickException(error.message) from None
        except (*db.DOWN, db.NO_TABLES) as error:
            logs.event("command.failed", logging.ERROR, error=logs.summary(error))
            raise click.ClickException(
                "The database can't be reached, is busy, or lacks its tables (flask migrate)."
            ) from None

    return wrapper


@click.command()
@plain_errors
def migrate() -> None:
    """Create or update the tables."""
    applied = db.migrate()
    click.echo(f"Applied: {', '.join(applied)}." if applied else "Nothing to do.", err=True)


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
    )
    for tenant in tenants.tenants():
        s = tenant.settings
        click.echo(
            f"{tenant.name}\t{tenant.customers}\t{tenant.period_type or '-'}\t"
            f"{s.weight_recency:g}/{s.weight_frequency:g}/{s.weight_monetary:g}\t{s.at_risk_days}\t"
            f"{s.lifespan_months}\t{s.min_tenure_months}\t{tenant.currency}"
        )


@tenants_group.command("set")
@click.argument("name")
@click.option("--weight-recency", type=float, help="0 to 1; the three weights sum to 1.")
@click.option("--weight-frequency", type=float, help="0 to 1.")
@click.option("--weight-monetary", type=float, help="0 to 1.")
@click.option("--at-risk-days", help=f"1 to 3650, or '{SUGGESTED}': from the tenant's own data.")
@click.option("--lifespan-months", type=int, help="1 to 120: what revenue is projected over.")
@click.option("--min-tenure-months", type=int, help="1 to 60: the shortest tenure in projections.")
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
    tenants.delete_tenant(tenant.id)
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
    click.echo("public\trole\tstate\tcreated\texpires\tlabel")
    for key in keys:
        state = "active" if key.is_active(now) else "expired"
        if key.revoked_ms is not None:
            state = "revoked"
        created, expires = fields.iso(key.created_ms), fields.iso(key.expires_ms) or "never"
        click.echo(f"{key.public}\t{key.role}\t{state}\t{created}\t{expires}\t{key.label}")


@keys_group.command("revoke")
@click.argument("public")
@plain_errors
def revoke_key(public: str) -> None:
    """Revoke the key with this PUBLIC part for good."""
    auth.revoke_key(public)
    click.echo("Revoked.", err=True)


@click.command("import")
@click.argument("file", type=click.File("rb"))
@click.option("--tenant", "name", required=True)
@click.option("--customer-column", default="customer_id", show_default=True)
@click.option("--date-column", default="date", show_default=True)
@click.option("--amount-column", default="amount", show_default=True)
@click.option(
    "--replay-until",
    metavar="DATE|now",
    help="Move the whole history so that its last day falls on this date.",
)
@click.option("--replace", "replaces", is_flag=True, help="Delete what the file does not have.")
@click.option("--skip-bad-rows", is_flag=True, help="Import the good lines.")
@plain_errors
def import_file(
    file: BinaryIO,
    name: str,
    customer_column: str,
    date_column: str,
    amount_column: str,
    replay_until: str | None,
    replaces: bool,
    skip_bad_rows: bool,
) -> None:
    """Import transactions from the CSV FILE (also gzipped, or - for standard input).

    Each row is one interaction and one conversion. They are added up by day; the file is taken
    as complete for each customer and day in it. One bad line, and nothing is kept, unless
    --skip-bad-rows.
    """
    tenant = tenants.tenant_by_name(name)
    until = _replay_day(replay_until)
    rejected = Rejected()
    columns = Columns(customer_column, date_column, amount_column)
    transactions = _with_bar(file, read_transactions(file, columns, rejected))
    try:
        rows, merged = service.load_transactions(
            tenant, transactions, rejected, not skip_bad_rows, replaces, until
        )
    finally:
        for line, reason in rejected.first:
            click.echo(f"line {line}: {reason}", err=True)
    _report(tenant, rows, merged, until)


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True), default="-")
@click.option("--tenant", "name", required=True)
@click.option("--format", "kind", type=click.Choice(writer.KINDS), default="csv", show_default=True)
@click.option("--segment", type=click.Choice(SEGMENTS), help="Only this segment.")
@click.option(
    "--sort",
    type=click.Choice(tuple(writer.SORTS)),
    default="customerId",
    show_default=True,
    metavar="[-]COLUMN",
    help=f"One of {', '.join(name for name in writer.SORTS if name[0] != '-')}; -: descending.",
)
@plain_errors
def export(file: str, name: str, kind: str, segment: str | None, sort: str) -> None:
    """Export the scored customers to FILE (left out, or -: to standard output), unrounded.

    FILE appears when it is complete. Sorted by customerId, each customer is in it once, whatever
    is computed meanwhile.
    """
    tenant, wanted = tenants.tenant_by_name(name), Filter(segment=segment)
    pages = insights.all_records(tenant, wanted, writer.SORTS[sort])
    if sys.stderr.isatty():
        pages = _with_count(pages, insights.total_of_records(tenant, wanted, counted=True))
    with _output(file) as output:
        for text in writer.write(pages, kind):
            output.write(text.encode())


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


def _replay_day(text: str | None) -> int | None:
    if text is None:
        return None
    if text == "now":
        return now_ms() // DAY_MS
    try:
        return (date.fromisoformat(text) - date(1970, 1, 1)).days
    except ValueError:
        raise Invalid("--replay-until must be a date such as 2026-04-30, or 'now'.") from None


def _with_bar(file: BinaryIO, rows: Iterator[Transaction]) -> Iterator[Transaction]:
    """The rows; on a terminal a bar shows how much of the file was read."""
    if not (sys.stderr.isatty() and file.seekable()):
        yield from rows
        return
    size = os.fstat(file.fileno()).st_size
    with click.progressbar(length=size, label="Reading", file=sys.stderr) as bar:
        for number, row in enumerate(rows):
            if number % PROGRESS_ROWS == 0:
                bar.update(file.tell() - bar.pos)
            yield row
        bar.update(size - bar.pos)


def _with_count(pages: Iterator[list[Listed]], total: int | None) -> Iterator[list[Listed]]:
    """The pages; a bar shows how many of the customers were read."""
    bar: Any
    with click.progressbar(length=total, label="Writing", file=sys.stderr) as bar:
        for page in pages:
            yield page
            bar.update(len(page))


@contextmanager
def _output(file: str) -> Iterator[BinaryIO]:
    if file == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(os.path.realpath(file))
    # A pipe or a device is written to, and not replaced.
    replaces = path.is_file() or not path.exists()
    try:
        with _beside(path) if replaces else path.open("wb") as output:
            yield output
    except OSError as error:
        raise click.FileError(file, error.strerror) from None


@contextmanager
def _beside(path: Path) -> Iterator[BinaryIO]:
    """A file that takes this one's place when it is complete: one that breaks off never looks
    whole."""
    beside = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with beside.open("wb") as output:
            yield output
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _report(tenant: Tenant, rows: int, merged: Merged, until: int | None) -> None:
    if until is not None:
        last = datetime.fromtimestamp(until * 86_400, UTC).date()
        click.echo(f"The history was moved so that its last day is {last}.")
    click.echo(
        f"{rows:,} transactions read, {merged.received:,} daily summaries: {merged.inserted:,}"
        f" inserted, {merged.updated:,} updated, {merged.unchanged:,} unchanged,"
        f" {merged.deleted:,} deleted."
    )
    suggestion = insights.suggest_at_risk_days(tenant)
    if suggestion is None:
        click.echo("No customer has come back yet, so there is no suggestion of at-risk days.")
        return
    click.echo(
        f"At {tenant.settings.at_risk_days} days {suggestion.share_now * 100:.0f} % of your"
        f" customers are at risk; 90 % of returning customers come back within"
        f" {suggestion.days} days: flask tenants set {tenant.name} --at-risk-days {suggestion.days}"
        f" (then {suggestion.share_then * 100:.0f} %)"
    )


def _follow(tenant: Tenant, run_id: int) -> bool:
    """Show a run until it ends; whether it finished."""
    with click.progressbar(length=1000, label=tenant.name, file=sys.stderr) as bar:
        while (run := runs.wait(run_id, PROGRESS_SECONDS)).is_active:
            bar.update(int(runs.job(run)["percent"] * 10) - bar.pos)
        bar.update(int(runs.job(run)["percent"] * 10) - bar.pos)
    outcome = f"{run.computed:,} computed, {run.errors:,} errors"
    click.echo(f"{tenant.name}: {run.status}, {outcome}{f': {run.message}' if run.message else ''}")
    return run.status == "finished"
