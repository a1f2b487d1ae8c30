"""Audiences: a list of customers as a file that a marketing service takes."""

from collections.abc import Iterator
from typing import NamedTuple

from clv import db
from clv.errors import Invalid
from clv.files import audiences
from clv.files.audiences import TARGETS
from clv.services.records import in_days, pages_of_records
from clv.store import listing
from clv.store.listing import Filter
from clv.store.rankings import Order
from clv.store.tenants import Tenant


class Audience(NamedTuple):
    """A file for a marketing service.

    :param customers: in the file, when it begins
    :param left_out: customers of the list who are not in the file
    :param text: piece by piece
    """

    customers: int
    left_out: int
    text: Iterator[str]


def audience_of(tenant: Tenant, matching: Filter, order: Order, name: str) -> Audience:
    """The customers of a list whose ids are e-mail addresses, as a file; the others are counted.

    :param name: of the target, one of ``TARGETS``
    :raises Invalid: when the list has customers, but none whose address can be in the file
    """
    target = TARGETS[name]
    with db.within(db.LONG_SECONDS):
        customers, left_out = audiences.count(
            listing.customer_ids(tenant.id, in_days(tenant, matching)), target
        )
    if left_out and not customers:
        reason = (
            f"{target.name} knows customers by their e-mail addresses, and of the {left_out:,} that"
            " match nobody's id is one that the file could have."
        )
        raise Invalid(
            f"The request is not valid. format: {reason}", {"query": {"format": [reason]}}
        )
    pages = pages_of_records(tenant, matching, order)
    return Audience(customers, left_out, audiences.write(pages, target))
