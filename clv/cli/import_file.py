"""``flask import``: files of what customers did."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import BinaryIO

import click

from clv.cli.errors import plain_errors
from clv.db.clock import now_ms
from clv.domain.units import DAY_MS
from clv.errors import Invalid
from clv.files.kinds import KINDS
from clv.files.reader import File, Rejected
from clv.services import loading, settings
from clv.services.loading import Options
from clv.store import tenants
from clv.store.merging import Merged
from clv.store.tenants import Tenant

NDJSON_ENDINGS = (".ndjson", ".jsonl")


@click.command("import")
@click.argument("file", type=click.File("rb"))
@click.option("--tenant", "name", required=True)
@click.option(
    "--kind",
    type=click.Choice(["transactions", "summaries"]),
    default="transactions",
    show_default=True,
    help="What the rows are.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(KINDS),
    help="Left out: ndjson if the name ends with .ndjson or .jsonl (also before .gz), else csv.",
)
@click.option("--replace", "replaces", is_flag=True, help="Delete what the file does not have.")
@click.option("--skip-bad-rows", is_flag=True, help="Import the good lines.")
@click.option("--customer-column", metavar="NAME", help="Of transactions; default: customer_id.")
@click.option("--date-column", metavar="NAME", help="Of transactions; default: date.")
@click.option("--amount-column", metavar="NAME", help="Of transactions; default: amount.")
@click.option(
    "--replay-until",
    metavar="DATE|now",
    help="Move a whole history of transactions so that its last day falls on this date.",
)
@plain_errors
def import_file(
    file: BinaryIO,
    name: str,
    kind: str,
    form: str | None,
    replaces: bool,
    skip_bad_rows: bool,
    **for_transactions: str | None,
) -> None:
    """Import transactions or interaction summaries from FILE (CSV or NDJSON, also gzipped; - is
    standard input).

    Each transaction is one interaction and one conversion; one with a negative amount is a
    correction, such as a refund, and changes the customer's revenue alone. They are added up by
    day; the file is taken as complete for each customer and day in it. Summaries have the fields of
    a row of POST /interaction-summaries as columns. One bad line, and nothing is kept, unless
    --skip-bad-rows.
    """
    given = {option: text for option, text in for_transactions.items() if text is not None}
    if given and kind == "summaries":
        names = ", ".join(f"--{option.replace('_', '-')}" for option in given)
        raise click.UsageError(f"{names}: makes no sense for summaries, only for transactions.")
    tenant = tenants.tenant_by_name(name)
    # Standard input may have no name.
    source = File(file, form or _form(str(getattr(file, "name", ""))))
    load = _load_summaries if kind == "summaries" else _load_transactions
    with _shown_lines() as rejected:
        with _bar(file) as progress:
            options = Options(not skip_bad_rows, replaces, progress)
            outcome = load(tenant, source, options, rejected, given)
        click.echo(outcome)
    _suggest(tenant)


def _form(name: str) -> str:
    return "ndjson" if name.lower().removesuffix(".gz").endswith(NDJSON_ENDINGS) else "csv"


@contextmanager
def _shown_lines() -> Iterator[Rejected]:
    """Collects bad lines, and shows them at the end, also when the file is refused."""
    rejected = Rejected()
    try:
        yield rejected
    finally:
        for line, reason in rejected.first:
            click.echo(f"line {line}: {reason}", err=True)


@contextmanager
def _bar(file: BinaryIO) -> Iterator[Callable[[], None]]:
    """On a terminal, a bar that shows how much of the file was read; yields what updates it."""
    if not (sys.stderr.isatty() and file.seekable()):
        yield lambda: None
        return
    size = os.fstat(file.fileno()).st_size
    with click.progressbar(length=size, label="Reading", file=sys.stderr) as bar:
        yield lambda: bar.update(file.tell() - bar.pos)
        bar.update(size - bar.pos)


def _load_transactions(
    tenant: Tenant, source: File, options: Options, rejected: Rejected, given: dict[str, str]
) -> str:
    until = _replay_day(given.pop("replay_until", None))
    columns = {option.removesuffix("_column"): name for option, name in given.items()}
    loaded = loading.load_transactions(
        tenant, source, options, rejected, replay_until_day=until, **columns
    )
    moved = ""
    if until is not None:
        last = datetime.fromtimestamp(until * 86_400, UTC).date()
        moved = f"The history was moved so that its last day is {last}.\n"
    days = f"{loaded.merged.received:,} daily summaries"
    return f"{moved}{loaded.received:,} transactions read, {days}: {_did(loaded.merged)}"


def _load_summaries(
    tenant: Tenant, source: File, options: Options, rejected: Rejected, given: dict[str, str]
) -> str:
    loaded = loading.load_summaries(tenant, source, options, rejected)
    return f"{loaded.received:,} {loaded.period_type} summaries read: {_did(loaded.merged)}"


def _replay_day(text: str | None) -> int | None:
    if text is None:
        return None
    if text == "now":
        return now_ms() // DAY_MS
    try:
        return (date.fromisoformat(text) - date(1970, 1, 1)).days
    except ValueError:
        raise Invalid("--replay-until must be a date such as 2026-04-30, or 'now'.") from None


def _did(merged: Merged) -> str:
    return (
        f"{merged.inserted:,} inserted, {merged.updated:,} updated, {merged.unchanged:,} unchanged,"
        f" {merged.deleted:,} deleted."
    )


def _suggest(tenant: Tenant) -> None:
    suggestion = settings.suggest_at_risk_days(tenant)
    if suggestion is None:
        click.echo("No customer has come back yet, so there is no suggestion of at-risk days.")
        return
    click.echo(
        f"At {tenant.settings.at_risk_days} days {suggestion.share_now * 100:.0f} % of your"
        f" customers are at risk; 90 % of returning customers come back within"
        f" {suggestion.days} days: flask tenants set {tenant.name} --at-risk-days {suggestion.days}"
        f" (then {suggestion.share_then * 100:.0f} %)"
    )
