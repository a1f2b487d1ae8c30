"""What ``flask import`` says about a file: what it was taken for, and what it did."""

from collections.abc import Iterator, Sequence

from clv.api.schemas.base import cents
from clv.cli.file_choices import named
from clv.services.loading import Loaded
from clv.services.preview import BadReason, LeftOut, Preview, Reading, UsedColumns, Warned
from clv.store.merging import Merged


def taken_for(preview: Preview, zone: str) -> str:
    """What a file was taken for: its layout, its columns, and how it was read.

    :param zone: the tenant's, which days are of
    """
    title = preview.title or preview.profile or "a file of its own kind"
    parts = (*_columns(preview.mapping), *_reading(preview.reading))
    return f"Read as {title}: {', '.join(parts)}, days in {zone}."


def previewed(preview: Preview, zone: str) -> Iterator[str]:
    """What a file would do, a line each."""
    yield taken_for(preview, zone)
    yield (
        f"{_counted(preview.rows, 'row')}: {_counted(preview.transactions, 'transaction')} and"
        f" {_counted(preview.corrections, 'correction')} of"
        f" {_counted(preview.customers, 'customer')}{_days(preview)}{_total(preview)}."
    )
    if len(preview.currencies) > 1:
        for one in preview.currencies:
            transactions = _counted(one.transactions, "transaction")
            yield f"In {one.currency or 'no currency'}: {transactions}, {cents(one.total):,}."
    yield from left_out(preview.left_out)
    for row in preview.sample:
        yield f"Line {row.line}: {row.customer_id}, {row.day}, {cents(row.amount):,} ({row.kind})"
    for question in preview.questions:
        yield f"Open: {named(question)}"
    yield "Nothing was stored."


def did(loaded: Loaded, zone: str) -> Iterator[str]:
    """What loading a file did, a line each."""
    rows = f"{loaded.received:,} {loaded.period_type} summaries read"
    if loaded.preview is not None:
        yield taken_for(loaded.preview, zone)
        yield from left_out(loaded.left_out)
        days = f"{loaded.merged.received:,} daily summaries"
        transactions = loaded.preview.transactions + loaded.preview.corrections
        rows = f"{transactions:,} transactions read, {days}"
    yield f"{rows}: {_changes(loaded.merged)}"
    if loaded.merged.lowered:
        yield (
            "Stored days of customers that have fewer interactions or a lower value now:"
            f" {loaded.merged.lowered:,}. Were all days in the file whole?"
        )
    if loaded.days_kept:
        yield (
            "Days of customers kept as they were, since a bad line names them:"
            f" {loaded.days_kept:,}."
        )


def left_out(reasons: Sequence[LeftOut]) -> Iterator[str]:
    """Why rows don't count, a line for each reason."""
    for one in reasons:
        total = f", {cents(one.total):,} in all" if one.total else ""
        yield (
            f"Left out, {one.reason}: {_counted(one.rows, 'row')}{total}"
            f" ({lines(one.rows, one.lines)})."
        )


def bad_lines(reasons: Sequence[BadReason]) -> Iterator[str]:
    """Why lines could not be read, a line for each reason."""
    for one in reasons:
        yield (f"{_counted(one.count, 'bad line')} ({lines(one.count, one.lines)}): {one.message}")


def warnings(warned: Sequence[Warned]) -> Iterator[str]:
    """What a person should look at, a line each."""
    for one in warned:
        yield f"Warning: {one.message}"


def lines(count: int, first: Sequence[int]) -> str:
    """Lines by their numbers: ``line 3``, or ``lines 3, 4, …``."""
    more = ", …" if count > len(first) else ""
    return f"line{'' if count == 1 else 's'} {', '.join(map(str, first))}{more}"


def _columns(mapping: UsedColumns) -> Iterator[str]:
    yield f"customer = {' or '.join(mapping.customer)}"
    yield f"time = {' and '.join(mapping.time)}"
    times = f" × {mapping.quantity}" if mapping.quantity else ""
    less = f" − {mapping.refund}" if mapping.refund else ""
    yield f"amount = {' or '.join(mapping.amount)}{times}{less}"
    for name in ("order", "currency", "state"):
        if column := getattr(mapping, name):
            yield f"{name} = {column}"


def _reading(reading: Reading) -> Iterator[str]:
    if reading.encoding:
        yield f"encoding {reading.encoding}"
    if reading.delimiter:
        yield f"delimiter {reading.delimiter}"
    if reading.decimal:
        yield "decimal comma" if reading.decimal == "," else "decimal point"
    if reading.date_order:
        yield f"dates {reading.date_order}"
    yield f"times without an offset in {reading.time_zone}"
    if reading.header_line > 1:
        yield f"header in line {reading.header_line}"


def _days(preview: Preview) -> str:
    if preview.first_day == preview.last_day:
        return f", {preview.first_day}" if preview.first_day else ""
    return f", {preview.first_day} to {preview.last_day}"


def _total(preview: Preview) -> str:
    return "" if preview.total is None else f", {cents(preview.total):,} in all"


def _changes(merged: Merged) -> str:
    return (
        f"{merged.inserted:,} inserted, {merged.updated:,} updated, {merged.unchanged:,} unchanged,"
        f" {merged.deleted:,} deleted."
    )


def _counted(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"
