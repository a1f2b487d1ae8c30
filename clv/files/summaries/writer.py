"""Writes interaction summaries as CSV or NDJSON, a page at a time, in constant memory. What is
written can be loaded again, and is then what it was."""

import json
from collections.abc import Iterable, Iterator, Sequence

from clv.domain import calendar
from clv.files.text import csv_lines, json_line, money
from clv.store.summaries import Summary

# Append only: clients may read the columns by position.
COLUMNS = (
    "customerId",
    "periodType",
    "periodKey",
    "offerId",
    "creativeId",
    "channelId",
    "impressions",
    "converts",
    "totalValue",
    "lastContactAt",
    "firstContactAt",
)
_LINE = json_line(COLUMNS)
# The columns that are numbers in JSON.
_NUMBERS = slice(6, 9)


def write(pages: Iterable[Sequence[Summary]], period_type: str, kind: str) -> Iterator[str]:
    """The text of a file, in one piece per page. A CSV without rows has its header.

    :param period_type: of all rows
    :param kind: ``csv`` with a header line, or ``ndjson``: one object per line
    """
    text_of = csv_lines if kind == "csv" else _objects
    if kind == "csv":
        yield csv_lines([COLUMNS])
    for page in pages:
        yield text_of(_cells(row, period_type) for row in page)


def _objects(rows: Iterable[Sequence[str]]) -> str:
    return "".join(
        _LINE % (*map(json.dumps, row[:6]), *row[_NUMBERS], *_times(row)) for row in rows
    )


def _times(row: Sequence[str]) -> Iterator[str]:
    return (f'"{time}"' for time in row[9:])


def _cells(row: Summary, period_type: str) -> tuple[str, ...]:
    return (
        row.customer_id,
        period_type,
        row.period_key,
        row.offer_id,
        row.creative_id,
        row.channel_id,
        str(row.impressions),
        str(row.converts),
        money(row.total_value),
        calendar.iso(row.last_contact_ms) or "",
        calendar.iso(row.first_contact_ms) or "",
    )
