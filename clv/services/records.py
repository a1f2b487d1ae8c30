"""Lists of the scored customers."""

from collections.abc import Iterator
from typing import Any

from clv import db
from clv.domain import overview
from clv.store import listing, rankings, runs
from clv.store.listing import Filter, Listed
from clv.store.rankings import Order
from clv.store.tenants import Tenant

# Customers a page of a file by customer id; sorted otherwise, each page is a pass over all records.
EXPORTED_AT_ONCE = 2_000
SORTED_AT_ONCE = 10_000


def page_of_records(
    tenant: Tenant, wanted: Filter, order: Order, after: tuple[Any, str] | None, limit: int
) -> list[Listed]:
    """The next records of a list; sorted by customer id, a walk meets each one once, whatever is
    computed meanwhile."""
    return listing.page(tenant.id, wanted, order, after, limit)


def all_records(tenant: Tenant, wanted: Filter, order: Order) -> Iterator[list[Listed]]:
    """All records of a list in pages. Between them no connection is held: whoever takes a page
    may be slow."""
    at_once = SORTED_AT_ONCE if order.by in rankings.SORTS else EXPORTED_AT_ONCE
    after = None
    while True:
        with db.within(db.LONG_SECONDS):
            page = listing.page(tenant.id, wanted, order, after, at_once)
        if page:
            yield page
        if len(page) < at_once:
            return
        after = (page[-1].value, page[-1].scores.customer_id)


def total_of_records(tenant: Tenant, wanted: Filter, counted: bool) -> int | None:
    """How many records a list has, where that is cheap: of few customers; or of all or of a
    segment, as of the last finished run.

    :param counted: count in any case
    """
    if counted or (wanted.is_segment and tenant.customers <= rankings.FEW_RECORDS):
        return listing.count(tenant.id, wanted)
    last = runs.last_overview(tenant.id) if wanted.is_segment else None
    if last is None:
        return None
    found = overview.from_json(last[1])
    group = found.everyone if wanted.segment is None else found.segments[wanted.segment]
    return group.customers
