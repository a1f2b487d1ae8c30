"""The overview: what a tenant's scored customers add up to at the end of a run.

Pure. Money is in 1/10,000. Sums are floats: of integers up to 2^53 they are exact in any order.
"""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import NamedTuple

from clv.domain import groups
from clv.domain.activity import LOST, NONE, SLIPPING
from clv.domain.groups import Place
from clv.domain.scoring import SEGMENTS
from clv.domain.settings import MAX_AT_RISK_DAYS, ScoreSettings, from_stored
from clv.domain.stored import restored

# A customer is new for this many days after the first contact.
NEW_DAYS = 90
# Bins of the histogram of scores.
BINS = 20
BIN_WIDTH = 100 // BINS
# Share of the gaps between active days that the suggested at-risk days cover.
RETURN_SHARE = 0.90
# The place of the customers without revenue, who are not on the grid of the RFM groups.
NOWHERE = (0, 0)


class Cell(NamedTuple):
    """The customers who share a segment, a bin of the score, and the other four.

    :param activity: one of :data:`clv.domain.activity.ACTIVITIES`
    :param is_overdue: with interactions, but none within the suggested at-risk days
    :param place: on the grid of the RFM groups; (0, 0) without revenue, None where it is not known
    :param score: sum of their scores; the amounts are sums, too
    """

    segment: str
    bin: int
    is_new: bool
    activity: str
    is_overdue: bool
    place: Place | None
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
    """What a group of customers adds up to.

    :param mean_score: None without customers
    :param revenue: to date
    """

    customers: int
    mean_score: float | None
    revenue: float
    predicted_revenue: float
    revenue_at_risk: float


class GridCell(NamedTuple):
    """The customers at one place on the grid of the RFM groups.

    :param recency: the fifth; 0 of the customers without revenue, who are not on the grid
    :param frequency_monetary: likewise
    :param score: the sum
    """

    recency: int
    frequency_monetary: int
    customers: int
    score: float
    revenue: float
    predicted_revenue: float
    revenue_at_risk: float

    @property
    def group(self) -> str:
        """The name of the RFM group that the place is part of."""
        place = (self.recency, self.frequency_monetary)
        return (groups.PROSPECTS if place == NOWHERE else groups.GRID[place]).name


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Suggested at-risk days, from the tenant's own data.

    :param days: 90 % of the gaps between active days are no longer
    :param share_now: share of customers at risk with the tenant's setting
    :param share_then: share of customers at risk with the suggested days
    """

    days: int
    share_now: float
    share_then: float


@dataclass(frozen=True, slots=True)
class Overview:
    """A tenant's customers at the end of a run.

    :param as_of_ms: time of the run
    :param settings: those of the run
    :param p25: 25th percentile of the run's distribution; None without customers
    :param histogram: customers by score: from 0, from 5, … from 95
    :param silent: customers without any interaction
    :param model: name of the model that predicted revenue in the run
    :param model_reason: why it did
    :param model_since_ms: time of the full run since which it does; None if that is not known
    :param churn_model: name of the model that predicted churn; its reason and time likewise
    :param slipping: at risk, but not yet probably lost; None in what a version stored that did not
        tell them apart
    :param lost: probably lost; likewise
    :param places: the places on the grid of the RFM groups where somebody is, as JSON: most who
        read an overview want something else of it. None where the run had no distribution, too
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
    model_since_ms: int | None = None
    churn_model: str = "rfm"
    churn_model_reason: str | None = None
    churn_model_since_ms: int | None = None
    slipping: Group | None = None
    lost: Group | None = None
    places: str | None = None

    @property
    def rfm_groups(self) -> dict[str, Group] | None:
        """The customers of each RFM group, by its name."""
        if self.places is None:
            return None
        members: dict[str, list[GridCell]] = {name: [] for name in groups.NAMES}
        for cell in self._grid_cells():
            members[cell.group].append(cell)
        return {name: _group(cells) for name, cells in members.items()}

    @property
    def rfm_grid(self) -> list[GridCell] | None:
        """All 25 places on the grid of the RFM groups, the best recency first."""
        if self.places is None:
            return None
        found = {(cell.recency, cell.frequency_monetary): cell for cell in self._grid_cells()}
        return [found.get(place) or GridCell(*place, 0, 0, 0, 0, 0) for place in groups.GRID]

    def _grid_cells(self) -> list[GridCell]:
        known = len(GridCell._fields)
        return [GridCell._make(values[:known]) for values in json.loads(self.places or "[]")]

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
) -> Overview:
    """Add up a tenant's cells.

    :param percentiles: P25 and P75
    :param suggested_days: the days that decided which cells are overdue
    """
    p25, p75 = percentiles or (None, None)
    return Overview(
        as_of_ms=as_of_ms,
        settings=settings,
        p25=p25,
        p75=p75,
        everyone=_group(cells),
        segments={name: _group(c for c in cells if c.segment == name) for name in SEGMENTS},
        new=_group(cell for cell in cells if cell.is_new),
        histogram=_histogram(cells),
        silent=_customers(cell for cell in cells if cell.activity == NONE),
        suggestion=_suggestion(cells, suggested_days),
        slipping=_group(cell for cell in cells if cell.activity == SLIPPING),
        lost=_group(cell for cell in cells if cell.activity == LOST),
        places=_places(cells),
    )


def suggested_days(gaps: Sequence[tuple[int, int]]) -> int | None:
    """At-risk days that fit a tenant: the 90th percentile of the gaps between active days.

    By nearest rank: a gap of 1 day and one of 3 days give 3. None without any gap.

    :param gaps: (days, number of such gaps), ascending by days
    """
    rank = math.ceil(RETURN_SHARE * sum(count for _, count in gaps))
    counted = 0
    for gap, count in gaps:
        counted += count
        if counted >= rank:
            return min(max(1, gap), MAX_AT_RISK_DAYS)
    return None


def to_json(overview: Overview) -> str:
    """An overview as it is stored with its run."""
    return json.dumps(asdict(overview))


def from_json(text: str) -> Overview:
    """The inverse of :func:`to_json`."""
    stored = json.loads(text)
    suggestion = stored["suggestion"]
    if "model" in stored and "churn_model" not in stored:
        # Of a release that had one model for both.
        reason = stored["model_reason"]
        stored |= {"churn_model": stored["model"], "churn_model_reason": reason}
    return restored(
        Overview,
        {
            **stored,
            "settings": from_stored(stored["settings"]),
            "everyone": restored(Group, stored["everyone"]),
            "segments": {
                name: restored(Group, group) for name, group in stored["segments"].items()
            },
            "new": restored(Group, stored["new"]),
            "suggestion": None if suggestion is None else restored(Suggestion, suggestion),
            **{
                name: restored(Group, stored[name])
                for name in ("slipping", "lost")
                if stored.get(name)
            },
        },
    )


def _histogram(cells: Sequence[Cell]) -> list[int]:
    histogram = [0] * BINS
    for cell in cells:
        # A score of 100 belongs to the last bin.
        histogram[min(cell.bin, BINS - 1)] += cell.customers
    return histogram


def _places(cells: Sequence[Cell]) -> str | None:
    by_place: dict[Place, list[Cell]] = {}
    for cell in cells:
        if cell.place is None:
            return None
        by_place.setdefault(cell.place, []).append(cell)
    # From the number of customers on.
    sums = {
        place: zip(*(cell[6:] for cell in found), strict=True) for place, found in by_place.items()
    }
    return json.dumps([GridCell(*place, *map(sum, sums[place])) for place in sorted(sums)])


def _group(cells: Iterable[Cell | GridCell]) -> Group:
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
    active = _customers(cell for cell in cells if cell.activity != NONE)
    if days is None or not active:
        return None
    at_risk = _customers(cell for cell in cells if cell.segment == "at_risk")
    overdue = _customers(cell for cell in cells if cell.is_overdue)
    return Suggestion(days, at_risk / active, overdue / active)


def _customers(cells: Iterable[Cell | GridCell]) -> int:
    return sum(cell.customers for cell in cells)
