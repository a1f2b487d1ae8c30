"""Interaction summaries as they are stored: a page of a customer's, or all as a file."""

from collections.abc import Iterator
from dataclasses import dataclass

from clv import db
from clv.errors import Conflict
from clv.files.summaries import writer
from clv.store import summaries, tenants
from clv.store.summaries import Chosen, Summary
from clv.store.tenants import Tenant

# Rows that are read at once for a file.
READ_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class StoredSummary:
    """A row of a customer's summaries."""

    period_type: str
    row: Summary


def customer_summaries(
    tenant: Tenant,
    chosen: Chosen,
    after: tuple[str, str, str, str] | None,
    limit: int,
    period_type: str | None = None,
) -> list[StoredSummary]:
    """A customer's summaries, the latest period first.

    :param after: period, offer, creative and channel of the last row of the page before
    :param period_type: only if this is the tenant's
    """
    kept = tenant.period_type
    if kept is None or period_type not in (None, kept):
        return []
    rows = summaries.page_of_customer(tenant.id, chosen, after, limit)
    return [StoredSummary(kept, row) for row in rows]


def count_summaries(tenant: Tenant, chosen: Chosen, period_type: str | None = None) -> int:
    """How many there are on all pages."""
    if tenant.period_type is None or period_type not in (None, tenant.period_type):
        return 0
    return summaries.count(tenant.id, chosen)


def file_of_summaries(
    tenant: Tenant, chosen: Chosen, kind: str, period_type: str | None = None
) -> Iterator[str]:
    """Summaries as the text of a file, by customer and period, piece by piece. No connection is
    held between two pieces: the reader may be slow.

    :param kind: one of ``clv.files.kinds.KINDS``
    :raises Conflict: while it is read, when the period type changes
    """
    kept = tenant.period_type or ""
    pages = _pages(tenant, chosen) if period_type in (None, kept) else iter(())
    return writer.write(pages, kept, kind)


def _pages(tenant: Tenant, chosen: Chosen) -> Iterator[list[Summary]]:
    after = None
    while True:
        with db.within(db.LONG_SECONDS):
            page = summaries.page(tenant.id, chosen, after, READ_AT_ONCE)
            if tenants.tenant_by_id(tenant.id).period_type != tenant.period_type and page:
                raise Conflict("The summaries were replaced by others of another period type.")
        if page:
            yield page
        if len(page) < READ_AT_ONCE:
            return
        after = page[-1]
