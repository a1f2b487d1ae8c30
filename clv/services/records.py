"""Lists of the scored customers: a page, a whole file, the total, those who slip away."""

from collections.abc import Callable, Iterator
from typing import Any

from clv import db
from clv.domain import overview
from clv.domain.activity import SLIPPING, activity
from clv.files import writer
from clv.services.included import NOTHING, Fill, Include, filling
from clv.store import listing, rankings, runs
from clv.store.listing import Filter, Listed
from clv.store.rankings import Order
from clv.store.tenants import Tenant

# Customers who slip away are looked for among these many with the most revenue at risk. Reading
# them takes as long with a million customers as with some thousands.
LEADERS_READ = 200
# Customers that are read at once for a file.
READ_AT_ONCE = 2_000
# In any other order than by customer id, each read passes over all records: fewer, larger reads.
SORTED_AT_ONCE = 10_000


def page_of_records(
    tenant: Tenant,
    matching: Filter,
    order: Order,
    after: tuple[Any, str] | None,
    limit: int,
    include: Include = NOTHING,
) -> list[Listed]:
    """The next records of a list. Sorted by customer id, a walk from page to page meets each one
    once, whatever is computed meanwhile.

    :param after: value and customer id of the last record of the page before
    """
    matching, fill = in_days(tenant, matching), filling(tenant, include)
    return fill(listing.page(tenant.id, matching, order, after, limit))


def file_of_records(
    tenant: Tenant,
    matching: Filter,
    order: Order,
    kind: str,
    *,
    include: Include = NOTHING,
    for_spreadsheets: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Iterator[str]:
    """A whole list as the text of a file, piece by piece. No connection is held between two
    pieces: the reader may be slow.

    :param kind: one of ``clv.files.kinds.KINDS``
    :param progress: called with the number of customers read, after each page
    """
    # Not with the first piece: a response without a body must know what is wrong, too.
    fill = filling(tenant, include)
    pages = pages_of_records(tenant, matching, order, fill, progress)
    return writer.write(pages, kind, include.words, for_spreadsheets)


def total_of_records(tenant: Tenant, matching: Filter, counted: bool) -> int | None:
    """How many records a list has. None where only counting would tell; the number of all or of a
    segment is known: counted for few customers, else as of the last finished run.

    :param counted: count in any case
    """
    matching = in_days(tenant, matching)
    if counted or (matching.is_segment and tenant.customers <= rankings.FEW_RECORDS):
        return listing.count(tenant.id, matching)
    last = runs.last_overview(tenant.id) if matching.is_segment else None
    if last is None:
        return None
    stored = overview.from_json(last[1])
    segment = matching.segment
    return (stored.everyone if segment is None else stored.segments[segment]).customers


def slipping_away(tenant: Tenant, limit: int) -> list[Listed]:
    """Customers who are slipping, those with the most revenue at risk, of the first of all
    customers in that order."""
    days = tenant.settings.at_risk_days
    order = Order("revenue_at_risk", descending=True)
    leaders = page_of_records(tenant, Filter(), order, None, LEADERS_READ)
    slipping = [
        entry
        for entry in leaders
        if activity(entry.scores.recency_days, entry.scores.frequency, days) == SLIPPING
    ]
    return slipping[:limit]


def in_days(tenant: Tenant, matching: Filter) -> Filter:
    """The filter with what its activity means by the tenant's settings."""
    return matching.with_at_risk_days(tenant.settings.at_risk_days)


def pages_of_records(
    tenant: Tenant,
    matching: Filter,
    order: Order,
    fill: Fill | None = None,
    progress: Callable[[int], None] | None = None,
) -> Iterator[list[Listed]]:
    """A whole list, page by page. No connection is held between two pages.

    :param fill: adds to the entries of a page what they have besides
    :param progress: called with the number of customers read, after each page
    """
    matching = in_days(tenant, matching)
    at_once = SORTED_AT_ONCE if order.by in rankings.SORTS else READ_AT_ONCE
    after = None
    while True:
        with db.within(db.LONG_SECONDS):
            page = listing.page(tenant.id, matching, order, after, at_once)
            page = page if fill is None else fill(page)
        if page:
            yield page
            if progress is not None:
                progress(len(page))
        if len(page) < at_once:
            return
        after = (page[-1].value, page[-1].scores.customer_id)
