"""RFM groups in SQL: a record's fifths, from the values with which the fifths begin.

Nothing of the groups is stored with a record: they follow from the tenant's current distribution.
The expressions are of a table ``clv_record r``, and give what :mod:`clv.domain.groups` gives.
"""

from collections.abc import Sequence

from clv.db.dialect import local_day
from clv.domain.groups import BY_NAME, FIFTHS, FifthStarts, fifth_starts
from clv.store import snapshots
from clv.store.snapshots import Snapshot

# A stored integer for a place on the grid: so many for each fifth of recency.
PLACES_EACH = len(FIFTHS) + 1
PLACES = PLACES_EACH * PLACES_EACH
# All times: the clock of the database may have been wrong by far.
_FIRST_MS, _LAST_MS = 0, 2**62


def current_starts(tenant_id: int) -> FifthStarts | None:
    """Where the fifths of the tenant's current distribution begin, if it has one."""
    snapshot = snapshots.current(tenant_id)
    return None if snapshot is None else starts_of(snapshot)


def starts_of(snapshot: Snapshot) -> FifthStarts:
    """Where the fifths of a snapshot begin."""
    return fifth_starts(snapshot.distribution, snapshot.settings.zone)


def place(starts: FifthStarts) -> str:
    """The expression of a record's place on the grid, as one integer: the fifth of recency times
    ``PLACES_EACH``, and the fifth of frequency and monetary; 0 without revenue."""
    recency, both = _recency(starts), _frequency_monetary(starts)
    return f"CASE WHEN r.monetary > 0 THEN ({recency}) * {PLACES_EACH} + {both} ELSE 0 END"


def in_group(tenant_id: int, name: str) -> str:
    """The condition that a record is in a group; nobody is without a distribution."""
    starts, group = current_starts(tenant_id), BY_NAME[name]
    if starts is None:
        return "1 = 0"
    if group.recency is None or group.frequency_monetary is None:
        return "r.monetary <= 0"
    conditions = (
        "r.monetary > 0",
        _between(_frequency_monetary(starts), group.frequency_monetary),
        _between(_recency(starts), group.recency),
    )
    return " AND ".join(conditions)


def _between(expression: str, limits: tuple[int, int]) -> str:
    return f"({expression}) BETWEEN {limits[0]} AND {limits[1]}"


def _recency(starts: FifthStarts) -> str:
    """Of the day of the last contact: that of the computation, less the recency."""
    # Most records were computed as of the distribution: theirs need no arithmetic.
    today = starts.zone.day(starts.as_of_ms)
    mostly = _fifth("r.recency_days", tuple(today - start for start in starts.recency), "<=")
    day = local_day("r.computed_ms", starts.zone, _FIRST_MS, _LAST_MS)
    others = _fifth(f"{day} - r.recency_days", starts.recency)
    return f"CASE WHEN r.computed_ms = {starts.as_of_ms} THEN {mostly} ELSE {others} END"


def _frequency_monetary(starts: FifthStarts) -> str:
    frequency = _fifth("r.frequency", starts.frequency)
    monetary = _fifth("r.monetary", starts.monetary)
    return f"({frequency} + {monetary} + 1) / 2"


def _fifth(value: str, starts: Sequence[int], reaches: str = ">=") -> str:
    """The expression of a value's fifth.

    :param starts: the limits of the fifths 2 to 5
    """
    cases = " ".join(
        f"WHEN {value} {reaches} {start} THEN {number}"
        for number, start in reversed(list(enumerate(starts, 2)))
    )
    return f"CASE {cases} ELSE 1 END"
