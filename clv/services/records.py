"""Lists of the scored customers: a page, a whole file, the total, those who slip away."""

from collections.abc import Callable, Iterator
from typing import Any

from clv import db
from clv.domain import overview
from clv.files import writer
from clv.store import listing, rankings, runs
from clv.store.listing import Filter, Listed
from clv.store.rankings import Order
from clv.store.tenants import Tenant

# A customer who has been silent for this many times the at-risk days is probably lost.
LOST_AFTER = 3
# Customers who slip away are looked for among these many with the most revenue at risk. Reading
# them takes as long with a million customers as with some thousands.
LEADERS_READ = 200
# Customers that are read at once for a file.
READ_AT_ONCE = 2_000
# In any other order than by customer id, each read passes over all records: fewer, larger reads.
SORTED_AT_ONCE = 10_000


def page_of_records(
    tenant: Tenant, matching: Filter, order: Order, after: tuple[Any, str] | None, limit: int
) -> list[Listed]:
    """The next records of a list. Sorted by customer id, a walk from page to page meets each one
    once, whatever is computed meanwhile.

    :param after: value and customer id of the last record of the page before
    """
    return listing.page(tenant.id, matching, order, after, limit)


def file_of_records(
    tenant: Tenant,
    matching: Filter,
    order: Order,
    kind: str,
    *,
    with_model: bool = False,
    for_spreadsheets: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Iterator[str]:
    """A whole list as the text of a file, piece by piece. No connection is held between two
    pieces: the reader may be slow.

    :param kind: one of ``clv.files.kinds.KINDS``
    :param progress: called with the number of customers read, after each page
    """
    pages = pages_of_records(tenant, matching, order, progress)
    return writer.write(pages, kind, with_model, for_spreadsheets)


def total_of_records(tenant: Tenant, matching: Filter, counted: bool) -> int | None:
    """How many records a list has. None where only counting would tell; the number of all or of a
    segment is known: counted for few customers, else as of the last finished run.

    :param counted: count in any case
    """
    if counted or (matching.is_segment and tenant.customers <= rankings.FEW_RECORDS):
        return listing.count(tenant.id, matching)
    last = runs.last_overview(tenant.id) if matching.is_segment else None
    if last is None:
        return None
    stored = overview.from_json(last[1])
    segment = matching.segment
    return (stored.everyone if segment is None else stored.segments[segment]).customers


def slipping_away(tenant: Tenant, limit: int) -> list[Listed]:
    """Customers who have been silent for longer than the at-risk days, but are not yet probably
    lost: those with the most revenue at risk."""
    days = tenant.settings.at_risk_days
    order = Order("revenue_at_risk", descending=True)
    leaders = page_of_records(tenant, Filter(), order, None, LEADERS_READ)
    slipping = [
        entry
        for entry in leaders
        if days <= entry.scores.recency_days < LOST_AFTER * days and entry.scores.frequency > 0
    ]
    return slipping[:limit]


def pages_of_records(
    tenant: Tenant,
    matching: Filter,
    order: Order,
    progress: Callable[[int], None] | None = None,
) -> Iterator[list[Listed]]:
    """A whole list, page by page. No connection is held between two pages.

    :param progress: called with the number of customers read, after each page
    """
    at_once = SORTED_AT_ONCE if order.by in rankings.SORTS else READ_AT_ONCE
    after = None
    while True:
        with db.within(db.LONG_SECONDS):
            page = listing.page(tenant.id, matching, order, after, at_once)
        if page:
            yield page
            if progress is not None:
                progress(len(page))
        if len(page) < at_once:
            return
        after = (page[-1].value, page[-1].scores.customer_id)
