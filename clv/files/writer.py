"""Writes records as CSV or NDJSON, and the feed as NDJSON, a page at a time, in constant memory.

Numbers are unrounded and written alike in both: money as a plain decimal, other fractions as the
shortest decimal that gives back the same float.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache, partial

from clv.domain import calendar
from clv.domain.units import AMOUNT_SCALE
from clv.files.included import cells_of, column_names
from clv.files.text import csv_lines, fraction, json_line, money
from clv.store.feed import Removed, Written
from clv.store.listing import Listed
from clv.store.rankings import Order

# Append only: clients may read the columns by position.
COLUMNS = (
    "customerId",
    "clvScore",
    "score",
    "predictedRevenue",
    "churnProbability",
    "revenueAtRisk",
    "rfmRecency",
    "rfmFrequency",
    "rfmMonetary",
    "segment",
    "computedAt",
    "jobId",
)
# Where a spreadsheet may begin a formula in an id: before one of these signs or their full-width
# forms, at the beginning of a cell, perhaps after blanks. A cell begins where the id does, and
# behind each sign that a spreadsheet may take for the delimiter, which depends on its user's
# country. A tab or a line end in front may be dropped.
_SIGNS = "=+@\uff1d\uff0b\uff0d\uff20-"
FORMULA = re.compile(rf"(?:^|(?<=[;,|\t\r\n]))(?=[^\S\t\r\n]*[{_SIGNS}])|^(?=[\t\r\n])")
# The columns that a list can be sorted by; "-" in front means descending.
_SORT_FIELDS = {
    "customerId": "customer_id",
    "clvScore": "score",
    "predictedRevenue": "predicted_revenue",
    "revenueAtRisk": "revenue_at_risk",
    "rfmRecency": "recency_days",
    "rfmFrequency": "frequency",
    "rfmMonetary": "monetary",
    "churnProbability": "churn_probability",
}
SORTS = {
    f"{sign}{name}": Order(by, sign == "-")
    for name, by in _SORT_FIELDS.items()
    for sign in ("", "-")
}

# Cached, since all records of a run have the same time.
_iso = lru_cache(maxsize=256)(calendar.iso)


def write(
    pages: Iterable[Sequence[Listed]],
    kind: str,
    words: tuple[str, ...] = (),
    for_spreadsheets: bool = False,
) -> Iterator[str]:
    """The text of a file, in one piece per page. A CSV without records has its header.

    :param kind: ``csv`` with a header line, or ``ndjson``: one object per line
    :param words: of ``clv.files.included``: what is added behind the fixed columns
    :param for_spreadsheets: put an apostrophe before what a spreadsheet would evaluate as a formula
        in an id, for customers may choose their own ids
    """
    columns = (*COLUMNS, *column_names(words))
    text_of = csv_lines if kind == "csv" else partial(_ndjson, json_line(columns))
    header = csv_lines([columns]) if kind == "csv" else ""
    more = cells_of(words, kind)
    for page in pages:
        rows: Iterable[tuple[str, ...]] = map(_cells, page)
        if words:
            rows = (cells + more(entry) for cells, entry in zip(rows, page, strict=True))
        yield header + text_of(map(_without_formula, rows) if for_spreadsheets else rows)
        header = ""
    if header:
        yield header


def write_feed(entries: Sequence[Written | Removed], cursor: str) -> str:
    """Entries of the feed as lines of NDJSON.

    :param cursor: of the place after the last of them, which has it
    """
    *others, last = map(_feed_line, entries)
    return "".join((*others, last.removesuffix("}\n"), f', "cursor": "{cursor}"}}\n'))


def _ndjson(template: str, rows: Iterable[Sequence[str]]) -> str:
    return "".join(_object(template, cells) for cells in rows)


def _object(template: str, cells: Sequence[str]) -> str:
    """A line of NDJSON. It is ASCII, since some readers end a line at other characters: U+2028.

    :param cells: of the fixed columns, then those of others, which are JSON already
    """
    customer_id, *numbers, segment, computed_at, job_id = cells[: len(COLUMNS)]
    values = (
        json.dumps(customer_id),
        *numbers,
        f'"{segment}"',
        f'"{computed_at}"',
        f'"{job_id}"' if job_id else "null",
        *cells[len(COLUMNS) :],
    )
    return template % values


def _feed_line(entry: Written | Removed) -> str:
    if isinstance(entry, Removed):
        named = f'"customerHmac": "{entry.customer_hmac}", "at": "{_iso(entry.at_ms)}"'
        return f'{{"id": "{entry.id}", "kind": "{entry.kind}", {named}}}\n'
    record = _object(_LINE, _cells(entry)).removeprefix("{")
    return f'{{"id": "{entry.id}", "kind": "{entry.kind}", {record}'


_LINE = json_line(COLUMNS)


def _cells(entry: Listed | Written) -> tuple[str, ...]:
    scores = entry.scores
    return (
        scores.customer_id,
        str(scores.clv_score),
        repr(scores.score),
        money(scores.predicted_revenue),
        repr(scores.churn_probability),
        fraction(scores.revenue_at_risk / AMOUNT_SCALE),
        str(scores.recency_days),
        str(scores.frequency),
        money(scores.monetary),
        scores.segment,
        _iso(scores.computed_ms) or "",
        entry.job_id or "",
    )


def _without_formula(cells: tuple[str, ...]) -> tuple[str, ...]:
    customer_id, *others = cells
    return (FORMULA.sub("'", customer_id), *others)
