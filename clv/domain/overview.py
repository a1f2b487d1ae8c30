"""What a tenant's scored customers add up to: pure sums, as of the end of a run.

Money in 1/10,000; sums are floats, exact up to 2^53 whatever the order.
"""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import NamedTuple

from clv.domain.scoring import SEGMENTS
from clv.domain.settings import MAX_AT_RISK_DAYS, ScoreSettings

# A customer is new for so many days after the first contact.
NEW_DAYS = 90
BINS = 20
BIN_WIDTH = 100 // BINS
# So many returning customers come back within the suggested at-risk days.
RETURN_SHARE = 0.90


class Cell(NamedTuple):
    """The customers of one segment and one bin of the score that are alike in three more things.

    :param is_silent: without any interaction
    :param is_overdue: with interactions, but none in the suggested at-risk days
    :param score: the sum of their scores
    """

    segment: str
    bin: int
    is_new: bool
    is_silent: bool
    is_overdue: bool
    customers: int
    score: float
    revenue: float
    predicted_revenue: float
    revenue_at_risk: float


class Bin(NamedTuple):
    """The customers with a score from ``start`` up to, but not including, ``end``."""

    start: int
    end: int
    customers: int


@dataclass(frozen=True, slots=True)
class Group:
    """Some customers.

    :param mean_score: None without customers
    :param revenue: to date
    """

    customers: int
    mean_score: float | None
    revenue: float
    predicted_revenue: float
    revenue_at_risk: float


@dataclass(frozen=True, slots=True)
class Suggestion:
    """At-risk days from the tenant's own data.

    :param days: 90 % of the returning customers come back within so many days
    :param share_now: the share of customers at risk with the tenant's setting
    :param share_then: the same with the suggested days
    """

    days: int
    share_now: float
    share_then: float


@dataclass(frozen=True, slots=True)
class Overview:
    """A tenant's customers at a run's end.

    :param as_of_ms: the run's time
    :param settings: those of the run
    :param p25: of the run's distribution, None without customers
    :param histogram: customers with a score from 0, from 5, … from 95
    :param silent: customers without any interaction
    :param model: the name of what predicted revenue and churn in that run
    :param model_reason: why that one
    """

    as_of_ms: int
    settings: ScoreSettings
    p25: float | None
    p75: float | None
    everyone: Group
    segments: dict[str, Group]
    new: Group
    histogram: list[int]
    silent: int
    suggestion: Suggestion | None
    model: str = "rfm"
    model_reason: str | None = None

    @property
    def bins(self) -> list[Bin]:
        """The histogram with the bounds of its bins."""
        return [
            Bin(number * BIN_WIDTH, (number + 1) * BIN_WIDTH, customers)
            for number, customers in enumerate(self.histogram)
        ]


def add_up(
    cells: Sequence[Cell],
    as_of_ms: int,
    settings: ScoreSettings,
    percentiles: tuple[float, float] | None,
    suggested_days: int | None,
    model: str = "rfm",
    model_reason: str | None = None,
) -> Overview:
    """Add up the cells of a tenant.

    :param percentiles: P25 and P75
    :param suggested_days: what tells whether a cell is overdue
    """
    p25, p75 = percentiles or (None, None)
    histogram = [0] * BINS
    for cell in cells:
        histogram[min(cell.bin, BINS - 1)] += cell.customers
    return Overview(
        as_of_ms=as_of_ms,
        settings=settings,
        p25=p25,
        p75=p75,
        everyone=_group(cells),
        segments={name: _group(c for c in cells if c.segment == name) for name in SEGMENTS},
        new=_group(cell for cell in cells if cell.is_new),
        histogram=histogram,
        silent=_customers(cell for cell in cells if cell.is_silent),
        suggestion=_suggestion(cells, suggested_days),
        model=model,
        model_reason=model_reason,
    )


def suggested_days(gaps: Sequence[tuple[int, int]]) -> int | None:
    """At-risk days that fit the gaps between active days: their 90th percentile (nearest rank);
    gaps of 1 and 3 days, each once, give 3. None without any gap.

    :param gaps: ascending gaps in days, and how often each occurs
    """
    wanted = math.ceil(RETURN_SHARE * sum(count for _, count in gaps))
    passed = 0
    for gap, count in gaps:
        passed += count
        if passed >= wanted:
            return min(max(1, gap), MAX_AT_RISK_DAYS)
    return None


def to_json(found: Overview) -> str:
    """An overview as it is stored with its run."""
    return json.dumps(asdict(found))


def from_json(text: str) -> Overview:
    """The inverse of :func:`to_json`."""
    stored = json.loads(text)
    suggestion = stored["suggestion"]
    return Overview(
        **{
            **stored,
            "settings": ScoreSettings(**stored["settings"]),
            "everyone": Group(**stored["everyone"]),
            "segments": {name: Group(**group) for name, group in stored["segments"].items()},
            "new": Group(**stored["new"]),
            "suggestion": None if suggestion is None else Suggestion(**suggestion),
        }
    )


def _group(cells: Iterable[Cell]) -> Group:
    rows = list(cells)
    customers = _customers(rows)
    return Group(
        customers=customers,
        mean_score=sum(cell.score for cell in rows) / customers if customers else None,
        revenue=sum(cell.revenue for cell in rows),
        predicted_revenue=sum(cell.predicted_revenue for cell in rows),
        revenue_at_risk=sum(cell.revenue_at_risk for cell in rows),
    )


def _suggestion(cells: Sequence[Cell], days: int | None) -> Suggestion | None:
    active = _customers(cell for cell in cells if not cell.is_silent)
    if days is None or not active:
        return None
    at_risk = _customers(cell for cell in cells if cell.segment == "at_risk")
    overdue = _customers(cell for cell in cells if cell.is_overdue)
    return Suggestion(days, at_risk / active, overdue / active)


def _customers(cells: Iterable[Cell]) -> int:
    return sum(cell.customers for cell in cells)
