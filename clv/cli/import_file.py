"""``flask import``: files of what customers did."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, BinaryIO

import click
from flask.cli import with_appcontext
from marshmallow import Schema

from clv.api.schemas.preview import PreviewShown
from clv.api.schemas.uploads import SummariesResult, TransactionsResult
from clv.cli import file_report
from clv.cli.errors import plain_errors
from clv.cli.file_choices import (
    asked,
    checked_choices,
    choices_options,
    given_choices,
    named,
    option_of,
)
from clv.db.clock import now_ms
from clv.errors import Invalid
from clv.files.choices import OpenQuestions
from clv.files.effort import Effort
from clv.files.kinds import KIND_OF_TRANSACTIONS
from clv.files.summaries.reader import File
from clv.http.application import components
from clv.services import loading, settings
from clv.services.loading import Loaded, Options
from clv.services.preview import Preview
from clv.store import tenants
from clv.store.tenants import Tenant

KIND_OF_ENDING = {".ndjson": "ndjson", ".jsonl": "ndjson", ".xlsx": "xlsx"}


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
    type=click.Choice(tuple(KIND_OF_TRANSACTIONS.values())),
    help="Left out: by the end of the name (.ndjson, .jsonl or .xlsx, also before .gz), else csv.",
)
@click.option("--preview", "previews", is_flag=True, help="Say what would be done, store nothing.")
@click.option("--json", "as_json", is_flag=True, help="Answer as the API does.")
@click.option("--replace", "replaces", is_flag=True, help="Delete what the file does not have.")
@click.option("--skip-bad-lines", is_flag=True, help="Import the good lines; not with --replace.")
@click.option("--skip-bad-rows", is_flag=True, hidden=True)
@choices_options
@click.option(
    "--replay-until",
    metavar="DATE|now",
    help="Move a whole history of transactions so that its last day falls on this date.",
)
@with_appcontext
@plain_errors
def import_file(
    file: BinaryIO,
    name: str,
    kind: str,
    form: str | None,
    previews: bool,
    as_json: bool,
    replaces: bool,
    skip_bad_lines: bool,
    skip_bad_rows: bool,
    replay_until: str | None,
    **chosen: Any,
) -> None:
    """Import transactions or interaction summaries from FILE (- is standard input).

    Transactions are the file that the shop gave out: CSV, NDJSON or a workbook (.xlsx), also
    gzipped. How it is read is found out from the file itself and said; what only you can know is
    asked, or names the option that answers it. Each transaction is one interaction and one
    conversion; one with a negative amount is a correction, such as a refund, and changes the
    customer's revenue alone. They are added up by day; the file is taken as complete for each
    customer and day in it. Summaries have the fields of a row of POST /interaction-summaries as
    columns. One bad line, and nothing is kept, unless --skip-bad-lines.
    """
    skips, given = skip_bad_lines or skip_bad_rows, given_choices(chosen)
    _check_options(given, replay_until, kind, previews, skips, replaces)
    tenant = tenants.tenant_by_name(name)
    # Standard input may have no name.
    source = File(
        file,
        form or _form(str(getattr(file, "name", ""))),
        max_bad_lines=components().settings.max_bad_lines,
    )
    options, zone = Options(skips, replaces), tenant.settings.time_zone
    if previews:
        preview = loading.preview_transactions(tenant, source, checked_choices(given))
        _show(PreviewShown(), preview, as_json, file_report.previewed(preview, zone))
        return
    if kind == "summaries":
        loaded = _load_summaries(tenant, source, options)
        _show(SummariesResult(), loaded, as_json, file_report.did(loaded, zone))
    else:
        until = _replay_day(replay_until, tenant)
        loaded = _load_transactions(tenant, source, given, options, until)
        lines = [*_moved(until), *file_report.did(loaded, zone)]
        _show(TransactionsResult(), loaded, as_json, lines)
    if not as_json:
        _suggest(tenant)


def _check_options(
    given: dict[str, Any],
    replay_until: str | None,
    kind: str,
    previews: bool,
    skips: bool,
    replaces: bool,
) -> None:
    """
    :raises UsageError: when options contradict each other
    """
    for_transactions = [option_of(name) for name in given]
    for_transactions += ["--preview"] if previews else []
    for_transactions += ["--replay-until"] if replay_until is not None else []
    if kind == "summaries" and for_transactions:
        names = ", ".join(for_transactions)
        raise click.UsageError(f"{names}: makes no sense for summaries, only for transactions.")
    if skips and replaces:
        raise click.UsageError(
            "--skip-bad-lines: not with --replace, which would remove what the bad lines name."
        )


def _form(name: str) -> str:
    _, ending = os.path.splitext(name.lower().removesuffix(".gz"))
    return KIND_OF_ENDING.get(ending, "csv")


def _load_transactions(
    tenant: Tenant, source: File, given: dict[str, Any], options: Options, until: int | None
) -> Loaded:
    """Load the file, and ask on a terminal what it leaves open.

    :raises Invalid: naming the options for what is open, where nobody can be asked
    """
    while True:
        choices = checked_choices(given)
        try:
            with _bar(source.stream) as progress:
                shown = replace(options, progress=progress)
                return loading.load_transactions(
                    tenant, source, choices, shown, replay_until_day=until
                )
        except OpenQuestions as error:
            if not (sys.stdin.isatty() and source.stream.seekable()):
                raise Invalid(" ".join(map(named, error.questions))) from None
            given = given | asked(error.questions)
            source.stream.seek(0)
            # It is read anew.
            source = replace(source, effort=Effort())


def _load_summaries(tenant: Tenant, source: File, options: Options) -> Loaded:
    with _bar(source.stream) as progress:
        return loading.load_summaries(tenant, source, replace(options, progress=progress))


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


def _show(schema: Schema, answer: Loaded | Preview, as_json: bool, lines: Iterable[str]) -> None:
    """Print an answer as JSON, or as lines; warnings and bad lines beside it."""
    if as_json:
        click.echo(json.dumps(schema.dump(answer)))
        return
    for line in lines:
        click.echo(line)
    reasons = answer.reasons if isinstance(answer, Loaded) else answer.bad_lines.reasons
    for line in (*file_report.warnings(answer.warnings), *file_report.bad_lines(reasons)):
        click.echo(line, err=True)


def _replay_day(text: str | None, tenant: Tenant) -> int | None:
    """The local day that was given, in days since 1970-01-01."""
    if text is None:
        return None
    if text == "now":
        return tenant.settings.zone.day(now_ms())
    try:
        return (date.fromisoformat(text) - date(1970, 1, 1)).days
    except ValueError:
        raise Invalid("--replay-until must be a date such as 2026-04-30, or 'now'.") from None


def _moved(until: int | None) -> list[str]:
    if until is None:
        return []
    last = datetime.fromtimestamp(until * 86_400, UTC).date()
    return [f"The history was moved so that its last day is {last}."]


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
