"""The feed of a tenant: what another system needs to have the same customers.

A reader gets all records first, and from then on, in spans (:mod:`clv.store.feed`), whatever was
written or removed. Its place says all that the service needs to know about it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from clv import db
from clv.errors import Gone
from clv.store import feed, removals
from clv.store.feed import Removed, State, Written

Entry = Written | Removed
# The parts of a span, in their order. The first span has all records, and nothing else.
PARTS = REMOVED, SINGLES, RUNS, END, ALL = tuple(range(5))
_NEXT = {REMOVED: SINGLES, SINGLES: RUNS, RUNS: END, ALL: END}
READ_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class Place:
    """Where a reader stands.

    :param since: the number up to which it had everything before this span
    :param until: the last number of this span
    :param removed: the last removal that it had
    :param removals: the last removal of this span
    :param part: of the span
    :param number: of the last record computed singly that it had in this part
    :param customer_id: the last customer that it had in this part
    """

    tenant_id: int
    since: int
    until: int
    removed: int
    removals: int
    part: int
    number: int = 0
    customer_id: str = ""


@dataclass(frozen=True, slots=True)
class Portion:
    """Some entries, and the reader's place after them."""

    entries: Sequence[Entry]
    place: Place


def key_of_removals(tenant_id: int) -> str:
    """The key of the HMAC that names removed customers, in hexadecimal."""
    return removals.key(tenant_id)


def page(tenant_id: int, place: Place | None, limit: int) -> tuple[Portion, bool]:
    """The next entries, and whether there may be more now.

    :param place: where the reader stands; None at the beginning
    :raises Gone: when some of what it lacks is deleted
    """
    entries: list[Entry] = []
    place = _begun(tenant_id, place)
    while place.part != END and len(entries) < limit:
        portion = _read(place, limit - len(entries))
        entries.extend(portion.entries)
        place = portion.place
        if place.part == END and len(entries) < limit:
            place = _span(place, feed.state(tenant_id))
    return Portion(entries, place), place.part != END


def stream(tenant_id: int, place: Place | None) -> Iterator[Portion]:
    """All entries from a place on, portion by portion, none of them empty. No connection is held
    between two of them: the reader may be slow.

    :raises Gone: when some of what it lacks is deleted
    """
    more = True
    while more:
        with db.within(db.LONG_SECONDS):
            portion, more = page(tenant_id, place, READ_AT_ONCE)
        if portion.entries:
            yield portion
        place = portion.place


def _begun(tenant_id: int, place: Place | None) -> Place:
    state = feed.state(tenant_id)
    if place is None:
        everything = state.latest, state.latest, state.removals, state.removals
        return Place(tenant_id, *everything, part=ALL)
    if not (
        place.since <= place.until <= state.latest
        and place.removed <= place.removals <= state.removals
    ):
        # Made up, or the database was restored from a backup of an earlier time.
        raise _gone()
    _check_kept(place)
    return place if place.part != END else _span(place, state)


def _span(place: Place, state: State) -> Place:
    """The next span, after the whole of the one before; at its end if there is nothing new."""
    since, removed = place.until, place.removals
    is_new = (since, removed) != (state.latest, state.removals)
    part = REMOVED if is_new else END
    return Place(place.tenant_id, since, state.latest, removed, state.removals, part)


def _read(place: Place, limit: int) -> Portion:
    """Entries of one part of a span."""
    entries = _READERS[place.part](place, limit)
    if len(entries) < limit:
        part = _NEXT[place.part]
        number = place.since + 1 if part == SINGLES else 0
        after = replace(place, part=part, removed=place.removals, number=number, customer_id="")
    else:
        after = _after(place, entries[-1])
    return Portion(entries, after)


def _after(place: Place, last: Entry) -> Place:
    if isinstance(last, Removed):
        return replace(place, removed=last.number)
    number = last.number if place.part == SINGLES else 0
    return replace(place, number=number, customer_id=last.scores.customer_id)


def _removed(place: Place, limit: int) -> Sequence[Entry]:
    found = feed.removals_after(place.tenant_id, place.removed, place.removals, limit)
    if found is None:
        raise _gone()
    return found


def _singles(place: Place, limit: int) -> Sequence[Entry]:
    after = place.number, place.customer_id
    return feed.singles_after(place.tenant_id, after, place.until, limit)


def _of_runs(place: Place, limit: int) -> Sequence[Entry]:
    found = feed.of_runs_after(place.tenant_id, place.since, place.until, place.customer_id, limit)
    _check_kept(place)
    return found


def _all(place: Place, limit: int) -> Sequence[Entry]:
    return feed.all_after(place.tenant_id, place.customer_id, limit)


_READERS = {REMOVED: _removed, SINGLES: _singles, RUNS: _of_runs, ALL: _all}


def _check_kept(place: Place) -> None:
    if feed.is_pruned(place.tenant_id, place.since):
        raise _gone()


def _gone() -> Gone:
    return Gone(
        "Some of what came after this cursor is no longer kept. Start again without `after`, and"
        " drop the customers that do not come."
    )
