"""``flask export``: the scored customers as a file."""

import errno
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import click

from clv import private_files
from clv.cli.errors import plain_errors
from clv.domain.scoring import SEGMENTS
from clv.errors import Invalid
from clv.files import writer
from clv.files.included import WORDS, split_words
from clv.files.kinds import KINDS
from clv.services import records
from clv.services.included import Include
from clv.store import tenants
from clv.store.listing import Filter
from clv.store.tenants import Tenant


@click.command()
@click.argument("file", type=click.Path(allow_dash=True), default="-")
@click.option("--tenant", "name", required=True)
@click.option("--format", "kind", type=click.Choice(KINDS), default="csv", show_default=True)
@click.option("--segment", type=click.Choice(SEGMENTS), help="Only this segment.")
@click.option(
    "--sort",
    type=click.Choice(tuple(writer.SORTS)),
    default="customerId",
    show_default=True,
    metavar="[-]COLUMN",
    help=f"One of {', '.join(name for name in writer.SORTS if name[0] != '-')}; -: descending.",
)
@click.option(
    "--include",
    "texts",
    multiple=True,
    metavar="WORD,…",
    help=f"What to add behind the columns: {', '.join(WORDS)}.",
)
@click.option(
    "--horizon-days",
    type=click.IntRange(1),
    help="The days that a forecast is of.  [default: 365, or the lifespan if that is less]",
)
@plain_errors
def export(
    file: str,
    name: str,
    kind: str,
    segment: str | None,
    sort: str,
    texts: tuple[str, ...],
    horizon_days: int | None,
) -> None:
    """Export the scored customers to FILE (left out, or -: to standard output), unrounded.

    FILE appears when it is complete, and only you may read it. Sorted by customerId, each customer
    is in it once, whatever is computed meanwhile.
    """
    include = Include(_words(texts), horizon_days)
    tenant, matching = tenants.tenant_by_name(name), Filter(segment=segment)
    with _bar(tenant, matching) as progress, _output(file) as output:
        text = records.file_of_records(
            tenant, matching, writer.SORTS[sort], kind, include=include, progress=progress
        )
        for piece in text:
            output.write(piece.encode())


def _words(texts: tuple[str, ...]) -> tuple[str, ...]:
    try:
        return split_words(texts)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="'--include'") from None


@contextmanager
def _bar(tenant: Tenant, matching: Filter) -> Iterator[Callable[[int], None] | None]:
    """On a terminal, a bar that shows how many of the customers were read."""
    if not sys.stderr.isatty():
        yield None
        return
    total = records.total_of_records(tenant, matching, counted=True)
    bar: Any
    with click.progressbar(length=total, label="Writing", file=sys.stderr) as bar:
        yield bar.update


def _output(file: str) -> AbstractContextManager[BinaryIO]:
    """Where the records go. A pipe or a device is written to, not replaced."""
    if file == "-":
        return _standard_output()
    path = Path(file)
    return (
        private_files.stream(path)
        if private_files.is_stream(path)
        else private_files.complete(path)
    )


@contextmanager
def _standard_output() -> Iterator[BinaryIO]:
    try:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    except OSError as error:
        _drop_output()
        if error.errno == errno.EPIPE:
            # Who reads has enough.
            sys.exit(1)
        raise Invalid(f"Standard output can't be written: {error.strerror}.") from None


def _drop_output() -> None:
    """Lose what waits to be written, which Python would try once more at its end."""
    with open(os.devnull, "wb") as nothing:
        os.dup2(nothing.fileno(), sys.stdout.fileno())
