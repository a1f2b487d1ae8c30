"""Removals of customers, numbered for each tenant in the order of their commits.

They outlive the customers, so they have no ids: only the HMAC of each, under a key of the tenant. A
writer that has read a customer, and stores later what it made of that, takes the number of the last
removal before it reads, and asks with the tenant locked who was erased since. Numbers are given
with the tenant locked as well, so no erasure gets in between.
"""

import hmac
import secrets
from collections.abc import Iterable, Sequence

from clv import db
from clv.db.clock import now_sql

KEY_BYTES = 32


def last(tenant_id: int) -> int:
    """The number of the tenant's latest removal; 0 before the first."""
    row = db.quick_row("SELECT removals FROM tenant WHERE id = %s", (tenant_id,))
    return row[0] if row else 0


def add(tenant_id: int, customer_ids: Sequence[str], *, erased: bool) -> None:
    """Number the removal of these customers. Inside the transaction that removes them, with the
    tenant locked.

    :param erased: what is on its way must not bring them back
    """
    key = _key(tenant_id)
    latest = db.row(
        "UPDATE tenant SET removals = removals + %s WHERE id = %s RETURNING removals",
        (len(customer_ids), tenant_id),
    )
    if latest is None:
        return
    first = latest[0] - len(customer_ids) + 1
    db.execute_many(
        "INSERT INTO removal (tenant_id, number, customer_hmac, erased, at_ms)"
        f" VALUES (%s, %s, %s, %s, {now_sql()})",
        [
            (tenant_id, number, hmac_of(key, customer_id), erased)
            for number, customer_id in enumerate(customer_ids, first)
        ],
    )


def erased_since(tenant_id: int, number: int) -> "Erased":
    """Who was erased after this removal. With the tenant locked."""
    rows = db.rows(
        "SELECT customer_hmac FROM removal WHERE tenant_id = %s AND number > %s AND erased",
        (tenant_id, number),
    )
    return Erased(_key(tenant_id) if rows else "", {customer_hmac for (customer_hmac,) in rows})


class Erased:
    """Customers who were erased; they are known by their ids alone."""

    def __init__(self, key: str, hmacs: set[str]) -> None:
        self._key, self._hmacs = key, hmacs

    def __bool__(self) -> bool:
        return bool(self._hmacs)

    def among(self, customer_ids: Iterable[str]) -> list[str]:
        """Those of these ids that are of erased customers."""
        if not self:
            return []
        return [one for one in customer_ids if hmac_of(self._key, one) in self._hmacs]


def hmac_of(key: str, customer_id: str) -> str:
    """How removals name a customer."""
    return hmac.digest(bytes.fromhex(key), customer_id.encode(), "sha256").hex()


def _key(tenant_id: int) -> str:
    """The tenant's key, created at its first use."""
    row = db.row(
        "UPDATE tenant SET removal_key = COALESCE(removal_key, %s) WHERE id = %s"
        " RETURNING removal_key",
        (secrets.token_hex(KEY_BYTES), tenant_id),
    )
    return row[0] if row else ""
