"""Removals of customers, numbered for each tenant in the order of their commits.

They outlive the customers, so they have no ids: only the HMAC of each, under a key of the tenant. A
writer that has read a customer, and stores later what it made of that, takes the number of the last
removal before it reads, and asks with the tenant locked who was erased since. Numbers are given
with the tenant locked as well, so no erasure gets in between.
"""

import hashlib
import secrets
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from clv import db
from clv.db.clock import now_ms, now_sql

KEY_BYTES = 32
# Of SHA-256, for HMAC.
_BLOCK_BYTES = 64
_READ_AT_ONCE = 5_000
_COLUMNS = "tenant_id, number, customer_hmac, erased, at_ms"


def last(tenant_id: int) -> int:
    """The number of the tenant's latest removal; 0 before the first."""
    row = db.quick_row("SELECT removals FROM tenant WHERE id = %s", (tenant_id,))
    return row[0] if row else 0


def add(tenant_id: int, customer_ids: Sequence[str], *, erased: bool) -> None:
    """Number the removal of these customers. Inside the transaction that removes them, with the
    tenant locked.

    :param erased: what is on its way must not bring them back
    """
    _insert(tenant_id, [customer_ids], erased)


def delete_records(tenant_id: int, condition: str, params: Sequence[Any]) -> None:
    """Delete records, however many, and number the removal of their customers, who are not erased.
    Inside a transaction, with the tenant locked.

    :param condition: what follows DELETE in the statement
    """
    if not db.is_sqlite():
        _delete_on_postgresql(tenant_id, condition, params)
        return
    pages = db.stream(f"SELECT customer_id {condition}", params, _READ_AT_ONCE)
    _insert(tenant_id, ([customer_id for (customer_id,) in page] for page in pages), erased=False)
    db.execute(f"DELETE {condition}", params)


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
        name = _namer(self._key)
        return [one for one in customer_ids if name(one) in self._hmacs]


def key(tenant_id: int) -> str:
    """The key under which the tenant's removals name customers."""
    stored = db.row("SELECT removal_key FROM tenant WHERE id = %s", (tenant_id,))
    return stored[0] if stored and stored[0] else _key(tenant_id)


def _insert(tenant_id: int, pages: Iterable[Sequence[str]], erased: bool) -> None:
    name, at_ms, first = _namer(_key(tenant_id)), now_ms(), last(tenant_id) + 1
    insert = f"INSERT INTO removal ({_COLUMNS}) VALUES (%s, %s, %s, %s, %s)"
    following = first
    for customer_ids in pages:
        rows = [
            (tenant_id, number, name(customer_id), erased, at_ms)
            for number, customer_id in enumerate(customer_ids, following)
        ]
        db.execute_many(insert, rows)
        following += len(rows)
    _count(tenant_id, following - first)


def _delete_on_postgresql(tenant_id: int, condition: str, params: Sequence[Any]) -> None:
    inner, outer = _pads(_key(tenant_id))
    hmac_sql = "sha256(%s::bytea || sha256(%s::bytea || convert_to(customer_id, 'UTF8')))"
    removed = db.value(
        f"WITH gone AS (DELETE {condition} RETURNING customer_id),"
        f" added AS (INSERT INTO removal ({_COLUMNS}) SELECT %s, %s + ROW_NUMBER() OVER (),"
        f" encode({hmac_sql}, 'hex'), false, {now_sql()} FROM gone RETURNING 1)"
        " SELECT COUNT(*) FROM added",
        (*params, tenant_id, last(tenant_id), outer, inner),
    )
    _count(tenant_id, removed)


def _count(tenant_id: int, removed: int) -> None:
    if removed:
        db.execute("UPDATE tenant SET removals = removals + %s WHERE id = %s", (removed, tenant_id))


def _namer(key: str) -> Callable[[str], str]:
    """How removals name a customer: by the HMAC-SHA256 of the id, in hexadecimal. The key is hashed
    once, so that this takes a third of the time of ``hmac.digest`` for each."""
    inner, outer = map(hashlib.sha256, _pads(key))

    def name(customer_id: str) -> str:
        message, whole = inner.copy(), outer.copy()
        message.update(customer_id.encode())
        whole.update(message.digest())
        return whole.hexdigest()

    return name


def _pads(key: str) -> tuple[bytes, bytes]:
    """The blocks of HMAC (RFC 2104) that precede the message and its hash."""
    block = bytes.fromhex(key).ljust(_BLOCK_BYTES, b"\0")
    return bytes(byte ^ 0x36 for byte in block), bytes(byte ^ 0x5C for byte in block)


def _key(tenant_id: int) -> str:
    """The tenant's key, created at its first use."""
    row = db.row(
        "UPDATE tenant SET removal_key = COALESCE(removal_key, %s) WHERE id = %s"
        " RETURNING removal_key",
        (secrets.token_hex(KEY_BYTES), tenant_id),
    )
    return row[0] if row else ""
