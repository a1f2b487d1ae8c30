"""Writes lists of records as files, a page at a time, in constant memory: the counterpart of
``clv.files.reader``.

Numbers are unrounded, and the same text in a CSV as in NDJSON: money as a plain decimal, other
fractions with as many digits as tell them apart.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from functools import lru_cache

from clv.domain import calendar
from clv.domain.scoring import MODELS
from clv.domain.units import AMOUNT_SCALE
from clv.store.listing import Listed
from clv.store.rankings import Order

KINDS = ("csv", "ndjson")
# New columns only at the end: whoever reads the file by position goes on reading it.
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
MODEL_COLUMN = "model"
# What a spreadsheet takes for a formula, and runs, where a cell begins with it.
_FORMULAS = ("=", "+", "-", "@")
# The columns that a list can be sorted by, and backwards with "-" before them.
_SORTED_BY = {
    "customerId": "customer_id",
    "clvScore": "score",
    "predictedRevenue": "predicted_revenue",
    "revenueAtRisk": "revenue_at_risk",
    "rfmRecency": "recency_days",
}
SORTS = {
    f"{sign}{name}": Order(by, sign == "-") for name, by in _SORTED_BY.items() for sign in ("", "-")
}

# All records of a run have the same time.
_iso = lru_cache(maxsize=256)(calendar.iso)


def write(
    pages: Iterable[Sequence[Listed]],
    kind: str,
    with_model: bool = False,
    for_spreadsheets: bool = False,
) -> Iterator[str]:
    """The text of a file, one piece a page: of a CSV at least its header.

    :param kind: ``csv``, or ``ndjson``: an object a line
    :param with_model: with the model of each as the last column
    :param for_spreadsheets: an apostrophe before the ids that look like formulas: customers may
        have chosen their ids themselves
    """
    columns = (*COLUMNS, MODEL_COLUMN) if with_model else COLUMNS
    texts = _texts_with_model if with_model else _texts
    lines = _csv if kind == "csv" else _ndjson
    head = lines([columns]) if kind == "csv" else ""
    for page in pages:
        rows = map(texts, page)
        yield head + lines(map(_as_text, rows) if for_spreadsheets else rows)
        head = ""
    if head:
        yield head


def _csv(rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _ndjson(rows: Iterable[Sequence[str]]) -> str:
    return "".join(map(_object, rows))


def _object(texts: Sequence[str]) -> str:
    """A line of NDJSON in ASCII, so that whatever ends a line elsewhere (U+2028) ends none here."""
    customer_id, *numbers, segment, computed_at, job_id = texts[: len(COLUMNS)]
    values = (
        json.dumps(customer_id),
        *numbers,
        f'"{segment}"',
        f'"{computed_at}"',
        f'"{job_id}"' if job_id else "null",
        *(f'"{model}"' for model in texts[len(COLUMNS) :]),
    )
    return (_LINE if len(texts) == len(COLUMNS) else _LINE_WITH_MODEL) % values


_LINE, _LINE_WITH_MODEL = (
    "{" + ", ".join(f'"{name}": %s' for name in columns) + "}\n"
    for columns in (COLUMNS, (*COLUMNS, MODEL_COLUMN))
)


def _texts(entry: Listed) -> tuple[str, ...]:
    scores = entry.scores
    return (
        scores.customer_id,
        str(int(scores.score + 0.5)),
        repr(scores.score),
        _money(scores.predicted_revenue),
        repr(scores.churn_probability),
        _fraction(scores.revenue_at_risk / AMOUNT_SCALE),
        str(scores.recency_days),
        str(scores.frequency),
        _money(scores.monetary),
        scores.segment,
        _iso(scores.computed_ms) or "",
        entry.job_id or "",
    )


def _as_text(texts: tuple[str, ...]) -> tuple[str, ...]:
    customer_id, *others = texts
    return (f"'{customer_id}" if customer_id.startswith(_FORMULAS) else customer_id, *others)


def _texts_with_model(entry: Listed) -> tuple[str, ...]:
    return (*_texts(entry), MODELS[entry.scores.model])


def _money(amount: int) -> str:
    """1/10,000 as a decimal: 123,400 is 12.34, and -5,000 is -0.5."""
    whole, rest = divmod(abs(amount), AMOUNT_SCALE)
    text = f"{whole}.{rest:04d}".rstrip("0").rstrip(".") if rest else str(whole)
    return f"-{text}" if amount < 0 else text


def _fraction(number: float) -> str:
    """The shortest decimal that tells this float from others, without exponent."""
    text = repr(number)
    return format(Decimal(text), "f") if "e" in text else text
