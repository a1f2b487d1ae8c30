"""``flask export``: the scored customers as a file."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import click

from clv import private_files
from clv.cli.errors import plain_errors
from clv.domain.scoring import SEGMENTS
from clv.files import writer
from clv.files.kinds import KINDS
from clv.services import records
from clv.store import tenants
from clv.store.listing import Filter
from clv.store.tenants import Tenant


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True), default="-")
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
@plain_errors
def export(file: str, name: str, kind: str, segment: str | None, sort: str) -> None:
    """Export the scored customers to FILE (left out, or -: to standard output), unrounded.

    FILE appears when it is complete, and only you may read it. Sorted by customerId, each customer
    is in it once, whatever is computed meanwhile.
    """
    tenant, matching = tenants.tenant_by_name(name), Filter(segment=segment)
    with _bar(tenant, matching) as progress, _output(file) as output:
        text = records.file_of_records(
            tenant, matching, writer.SORTS[sort], kind, progress=progress
        )
        for piece in text:
            output.write(piece.encode())


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


@contextmanager
def _output(file: str) -> Iterator[BinaryIO]:
    if file == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(os.path.realpath(file))
    # A pipe or a device is written to, not replaced.
    replaces = path.is_file() or not path.exists()
    try:
        with _beside(path) if replaces else path.open("wb") as output:
            yield output
    except OSError as error:
        raise click.FileError(file, error.strerror) from None


@contextmanager
def _beside(path: Path) -> Iterator[BinaryIO]:
    """A file that takes this one's place when it is complete, so that a partial one never looks
    whole."""
    beside = path.with_name(f"{path.name}.{os.getpid()}.part")
    # Of a process with the same number that was killed.
    beside.unlink(missing_ok=True)
    try:
        with private_files.create(beside) as output:
            yield output
        private_files.tighten(path)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
