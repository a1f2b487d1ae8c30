"""``flask import``: files of what customers did."""

import os
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import BinaryIO

import click

from clv.cli.errors import plain_errors
from clv.db import Columns
from clv.db.clock import now_ms
from clv.domain.units import DAY_MS
from clv.errors import Invalid
from clv.files.reader import File, Rejected, read_summaries, read_transactions
from clv.services import loading, settings
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
    type=click.Choice(["csv", "ndjson"]),
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

    Each transaction is one interaction and one conversion. They are added up by day; the file is
    taken as complete for each customer and day in it. Summaries have the fields of a row of POST
    /interaction-summaries as columns. One bad line, and nothing is kept, unless --skip-bad-rows.
    """
    given = {option: text for option, text in for_transactions.items() if text is not None}
    if given and kind == "summaries":
        options = ", ".join(f"--{option.replace('_', '-')}" for option in given)
        raise click.UsageError(f"{options}: makes no sense for summaries, only for transactions.")
    tenant, rejected = tenants.tenant_by_name(name), Rejected()
    load = _load_summaries if kind == "summaries" else _load_transactions
    # Standard input may have no name.
    source = File(file, form or _form(str(getattr(file, "name", ""))))
    try:
        load(tenant, source, rejected, not skip_bad_rows, replaces, **given)
    finally:
        for line, reason in rejected.first:
            click.echo(f"line {line}: {reason}", err=True)
    _suggest(tenant)


def _form(name: str) -> str:
    return "ndjson" if name.lower().removesuffix(".gz").endswith(NDJSON_ENDINGS) else "csv"


def _load_transactions(
    tenant: Tenant,
    source: File,
    rejected: Rejected,
    strict: bool,
    replaces: bool,
    replay_until: str | None = None,
    **columns: str,
) -> None:
    until = _replay_day(replay_until)
    names = {option.removesuffix("_column"): name for option, name in columns.items()}
    chunks = _with_bar(source.stream, read_transactions(source, rejected, **names))
    count, merged = loading.load_transactions(tenant, chunks, rejected, strict, replaces, until)
    if until is not None:
        last = datetime.fromtimestamp(until * 86_400, UTC).date()
        click.echo(f"The history was moved so that its last day is {last}.")
    click.echo(f"{count:,} transactions read, {merged.received:,} daily summaries: {_did(merged)}")


def _load_summaries(
    tenant: Tenant, source: File, rejected: Rejected, strict: bool, replaces: bool
) -> None:
    period_type, chunks = read_summaries(source, rejected)
    chunks = _with_bar(source.stream, chunks)
    count, merged = loading.load_summaries(tenant, period_type, chunks, rejected, strict, replaces)
    click.echo(f"{count:,} {period_type} summaries read: {_did(merged)}")


def _replay_day(text: str | None) -> int | None:
    if text is None:
        return None
    if text == "now":
        return now_ms() // DAY_MS
    try:
        return (date.fromisoformat(text) - date(1970, 1, 1)).days
    except ValueError:
        raise Invalid("--replay-until must be a date such as 2026-04-30, or 'now'.") from None


def _with_bar(file: BinaryIO, chunks: Iterator[Columns]) -> Iterator[Columns]:
    """The chunks; on a terminal a bar shows how much of the file was read."""
    if not (sys.stderr.isatty() and file.seekable()):
        yield from chunks
        return
    size = os.fstat(file.fileno()).st_size
    with click.progressbar(length=size, label="Reading", file=sys.stderr) as bar:
        for chunk in chunks:
            bar.update(file.tell() - bar.pos)
            yield chunk
        bar.update(size - bar.pos)


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
