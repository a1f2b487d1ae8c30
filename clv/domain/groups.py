"""RFM groups: recency, frequency and monetary in fifths, and the named groups made of them.

Pure. A fifth is ``min(5, 1 + ⌊5 · norm⌋)``: 5 is the best. The groups divide the grid of recency
against the mean of frequency and monetary, (F + M) / 2 rounded half up. A customer without revenue
is not on the grid: the group ``prospects``. So every customer is in one group.

The names and what they mean are Shopify's, as its API documents them. Which places of the grid are
whose follows from these meanings.
"""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from clv.domain.distribution import Distribution
from clv.domain.scoring import Scores
from clv.domain.time_zone import TimeZone
from clv.domain.units import DAY_MS, MAX_STORED_INTEGER

FIFTHS = range(1, 6)
_LOWEST = -MAX_STORED_INTEGER - 1
# For so long before and after a distribution the changes of a time zone are known. Records are not
# much older, and a database compares each one with all of these changes.
_ZONE_MS = 5 * 366 * DAY_MS

# The values with which the fifths 2, 3, 4 and 5 begin. One that no stored value reaches is 2^63.
Starts = tuple[int, int, int, int]
# A place on the grid: the fifth of recency, and that of frequency and monetary together.
Place = tuple[int, int]


class RfmGroup(NamedTuple):
    """A named group: a rectangle of the grid.

    :param recency: its first and last fifth of recency; None of those who are not on the grid
    :param frequency_monetary: likewise
    """

    name: str
    label: str
    recency: Place | None
    frequency_monetary: Place | None
    about: str
    advice: str


GROUPS = (
    RfmGroup(
        "champions",
        "Champions",
        (5, 5),
        (4, 5),
        "came very recently and often, and spent the most",
        "Thank them, let them in first, and ask for a recommendation; no discounts.",
    ),
    RfmGroup(
        "loyal",
        "Loyal",
        (3, 4),
        (4, 5),
        "came recently and often, and spent much",
        "Reward their loyalty, and show them what goes with what they bought.",
    ),
    RfmGroup(
        "active",
        "Active",
        (4, 5),
        (3, 3),
        "came recently, several times, for middling amounts",
        "Give them a reason to come back sooner: bundles, or a loyalty programme.",
    ),
    RfmGroup(
        "new",
        "New",
        (5, 5),
        (1, 2),
        "came very recently, for little so far",
        "Welcome them, help with the first purchase, and make a second one easy.",
    ),
    RfmGroup(
        "promising",
        "Promising",
        (4, 4),
        (1, 2),
        "came recently, for little so far",
        "Stay in touch, and offer a small reason for the next purchase.",
    ),
    RfmGroup(
        "needs_attention",
        "Needs attention",
        (3, 3),
        (3, 3),
        "came several times, but not of late",
        "Remind them now, with what suits their past purchases and an offer that ends soon.",
    ),
    RfmGroup(
        "almost_lost",
        "Almost lost",
        (3, 3),
        (1, 2),
        "came for little, and not of late",
        "Try one inexpensive reminder, and see what comes of it.",
    ),
    RfmGroup(
        "at_risk",
        "At risk",
        (1, 2),
        (3, 4),
        "came often and spent well, but long ago",
        "Write personally, ask what is missing, and offer something to come back for.",
    ),
    RfmGroup(
        "previously_loyal",
        "Previously loyal",
        (1, 2),
        (5, 5),
        "were among the best, but it is long ago",
        "Win them back first: a call or a personal offer is worth its cost here.",
    ),
    RfmGroup(
        "dormant",
        "Dormant",
        (1, 2),
        (1, 2),
        "came for little, and long ago",
        "Spend little here: a seasonal mailing is enough, and else leave them alone.",
    ),
    RfmGroup(
        "prospects",
        "Prospects",
        None,
        None,
        "have brought no revenue so far",
        "Help them to a first purchase; they don't know yet what you are good at.",
    ),
)
BY_NAME = {group.name: group for group in GROUPS}
NAMES = tuple(BY_NAME)
PROSPECTS = BY_NAME["prospects"]
# All places of the grid, the best recency first, and whose they are.
GRID: dict[Place, RfmGroup] = {
    (recency, both): group
    for recency in reversed(FIFTHS)
    for both in FIFTHS
    for group in GROUPS
    if group.recency is not None
    and group.frequency_monetary is not None
    and group.recency[0] <= recency <= group.recency[1]
    and group.frequency_monetary[0] <= both <= group.frequency_monetary[1]
}


class Rfm(NamedTuple):
    """A customer's fifths.

    :param has_revenue: whether the revenue so far is more than 0
    """

    recency: int
    frequency: int
    monetary: int
    has_revenue: bool

    @property
    def digits(self) -> str:
        """The three fifths as they are written: ``545``."""
        return f"{self.recency}{self.frequency}{self.monetary}"

    @property
    def frequency_monetary(self) -> int:
        """The mean of frequency and monetary, rounded half up: of 4 and 5 it is 5."""
        return (self.frequency + self.monetary + 1) // 2

    @property
    def group(self) -> RfmGroup:
        """The customer's group."""
        if not self.has_revenue:
            return PROSPECTS
        return GRID[self.recency, self.frequency_monetary]

    @property
    def shown(self) -> "RfmShown":
        """Digits and the group's name."""
        return RfmShown(self.digits, self.group.name)


class RfmShown(NamedTuple):
    """A customer's fifths and group as they are shown; None where no distribution tells."""

    digits: str | None = None
    group: str | None = None


def fifth(norm: float) -> int:
    """The fifth of a norm: 0 is in the first, 0.2 in the second, 0.8 and 1 in the last."""
    return min(5, 1 + int(5 * norm))


def rfm_of(norms: tuple[float, float, float], monetary: int) -> Rfm:
    """The fifths of a customer with these norms, who has this value."""
    recency, frequency, value = map(fifth, norms)
    return Rfm(recency, frequency, value, monetary > 0)


@dataclass(frozen=True, slots=True)
class FifthStarts:
    """Where the fifths of a tenant's distribution begin. Looking a value up among them gives the
    fifth of its norm, exactly: a norm never falls as the value rises.

    :param as_of_ms: the time of the distribution
    :param zone: whose days ``recency`` has: days of the last contact, since 1970
    """

    as_of_ms: int
    zone: TimeZone
    recency: Starts
    frequency: Starts
    monetary: Starts

    def rfm(self, scores: Scores) -> Rfm:
        """The fifths of a record."""
        last_day = self.zone.day(scores.computed_ms) - scores.recency_days
        return Rfm(
            1 + bisect_right(self.recency, last_day),
            1 + bisect_right(self.frequency, scores.frequency),
            1 + bisect_right(self.monetary, scores.monetary),
            scores.monetary > 0,
        )


def fifth_starts(distribution: Distribution, zone: TimeZone) -> FifthStarts:
    """Where the fifths of a distribution begin.

    :param zone: of the distribution's days
    """
    as_of_ms = distribution.as_of_ms
    return FifthStarts(
        as_of_ms,
        zone.within(as_of_ms - _ZONE_MS, as_of_ms + _ZONE_MS),
        _starts(distribution.recency.norm),
        _starts(distribution.frequency.norm),
        # A negative value ranks like none.
        _starts(lambda value: distribution.monetary.norm(max(0, value))),
    )


def _starts(norm: Callable[[int], float]) -> Starts:
    second, third, fourth, last = (_start(norm, number) for number in FIFTHS[1:])
    return second, third, fourth, last


def _start(norm: Callable[[int], float], number: int) -> int:
    """The lowest of all values that can be stored whose norm is in this fifth, or a higher one."""
    low, high = _LOWEST, MAX_STORED_INTEGER + 1
    while low < high:
        middle = (low + high) // 2
        if fifth(norm(middle)) >= number:
            high = middle
        else:
            low = middle + 1
    return low
