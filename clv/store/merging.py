"""Merges what was staged into a tenant's summaries, in one transaction."""

from dataclasses import dataclass

from clv import db
from clv.db.dialect import MANY_ROWS, analyze
from clv.errors import Conflict
from clv.store import records
from clv.store.summaries import COLUMNS, KEY, VALUES
from clv.store.tenants import keep_count, lock_tenant

# Rows are written in one order, or two writers of the same ones deadlock on PostgreSQL.
_KEY_ORDER = KEY
_IS_ZERO = "impressions = 0 AND converts = 0 AND total_value = 0"


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge did, in rows."""

    received: int
    inserted: int
    updated: int
    unchanged: int
    deleted: int


def merge(
    tenant_id: int, period_type: str, *, aggregated: bool = False, replace: bool = False
) -> Merged:
    """Merge the staged summaries into the tenant's, all or nothing.

    A row without impressions, converts and value deletes the stored one; equal rows are left
    alone. Customers who lose their last summary lose their record and history with it.

    :param aggregated: the staged rows are aggregated transactions: all that a customer did on a
        day, so that stored rows of the same customer and day with an offer or so are deleted
    :param replace: the staged rows are all that the tenant has: every other row is deleted
    :raises Conflict: when the tenant has summaries of another period type
    """
    received, zeros = _staged_rows()
    if received >= MANY_ROWS:
        analyze("interaction_summary")
    with db.transaction():
        stored_type, before = lock_tenant(tenant_id)
        if not replace and stored_type not in (None, period_type):
            raise Conflict(
                f"This tenant's summaries are {stored_type}; {period_type} ones would count"
                f" interactions twice. Send {stored_type} rows, or delete the stored ones first."
            )
        if replace or zeros:
            records.fence_active_runs(tenant_id)
        counts, had, deleted = (received, received - zeros, 0, zeros), 0, 0
        # Else there is nothing to compare with.
        if _has_rows(tenant_id):
            counts = _counts(tenant_id)
            had = 0 if replace else _staged_customers_stored(tenant_id)
            deleted = _delete(tenant_id, zeros > 0, aggregated, replace)
        _upsert(tenant_id, aggregated)
        if counts[1] >= MANY_ROWS:
            analyze("interaction_summary")
        if replace:
            after = _count_customers(tenant_id)
        elif zeros:
            after = before + _staged_customers_stored(tenant_id) - had
        else:
            after = before + _staged_customers() - had
        if replace or zeros:
            records.delete_orphans(tenant_id, replace)
        merged = Merged(*counts, deleted)
        changed = bool(merged.inserted or merged.updated or merged.deleted)
        keep_count(tenant_id, period_type, after, changed)
    return merged


def _staged_rows() -> tuple[int, int]:
    """How many rows are staged, and how many of them have only zeros."""
    return db.rows(
        f"SELECT COUNT(*), COALESCE(SUM(CASE WHEN {_IS_ZERO} THEN 1 ELSE 0 END), 0)"
        " FROM staged_summary"
    )[0]


def _counts(tenant_id: int) -> tuple[int, int, int, int]:
    """Rows received, inserted, updated and unchanged of the merge that is about to happen."""
    [(received, zero, stored, same, zero_stored)] = db.rows(
        f"SELECT COUNT(*), COALESCE(SUM(zero), 0), COUNT(t.impressions),"
        " COALESCE(SUM(CASE WHEN zero = 0 AND s.impressions = t.impressions"
        " AND s.converts = t.converts AND s.total_value = t.total_value"
        " AND s.first_contact_ms = t.first_contact_ms"
        " AND s.last_contact_ms = t.last_contact_ms THEN 1 ELSE 0 END), 0),"
        " COALESCE(SUM(CASE WHEN zero = 1 AND t.impressions IS NOT NULL THEN 1 ELSE 0 END), 0)"
        f" FROM (SELECT {COLUMNS}, CASE WHEN {_IS_ZERO} THEN 1 ELSE 0 END AS zero"
        "  FROM staged_summary) s"
        " LEFT JOIN interaction_summary t ON t.tenant_id = %s"
        " AND t.customer_id = s.customer_id AND t.period_key = s.period_key"
        " AND t.offer_id = s.offer_id AND t.creative_id = s.creative_id"
        " AND t.channel_id = s.channel_id",
        (tenant_id,),
    )
    # A row that deletes what is not there changes nothing.
    unchanged = same + zero - zero_stored
    return (
        received,
        received - zero - (stored - zero_stored),
        stored - zero_stored - same,
        unchanged,
    )


def _delete(tenant_id: int, zeros: bool, aggregated: bool, replace: bool) -> int:
    staged = f"SELECT {KEY} FROM staged_summary"
    doomed: list[tuple[str, tuple]] = []
    if zeros:
        doomed.append((f"{staged} WHERE {_IS_ZERO}", ()))
    if replace:
        stored = f"SELECT {KEY} FROM interaction_summary WHERE tenant_id = %s"
        doomed.append((f"{stored} EXCEPT {staged}", (tenant_id,)))
    elif aggregated:
        of_others = (
            "t.tenant_id = %s AND t.customer_id = s.customer_id AND t.period_key = s.period_key"
            " AND (t.offer_id, t.creative_id, t.channel_id)"
            " <> (s.offer_id, s.creative_id, s.channel_id)"
        )
        keys = ", ".join(f"t.{name}" for name in KEY.split(", "))
        doomed.append(
            (f"SELECT {keys} FROM staged_summary s {_looked_up(of_others)}", (tenant_id,))
        )
    return sum(_delete_keys(tenant_id, keys, params) for keys, params in doomed)


def _delete_keys(tenant_id: int, keys: str, params: tuple) -> int:
    """Delete the rows whose keys a query returns.

    On PostgreSQL each is looked up and deleted by its place: of a tenant who grew since it made
    its statistics it expects a row, and would go through all keys for each. The tenant is locked,
    so that no row moves meanwhile.
    """
    if db.is_sqlite():
        delete = f"DELETE FROM interaction_summary WHERE tenant_id = %s AND ({KEY}) IN ({keys})"
        return db.execute(delete, (tenant_id, *params))
    same = " AND ".join(f"t.{name} = gone.{name}" for name in KEY.split(", "))
    places = f"SELECT t.place FROM ({keys}) gone {_looked_up(f't.tenant_id = %s AND {same}')}"
    delete = f"DELETE FROM interaction_summary WHERE ctid = ANY(ARRAY({places}))"
    return db.execute(delete, (*params, tenant_id))


def _looked_up(condition: str) -> str:
    """The stored rows ``t`` that belong to each row before, looked up by their key whatever the
    database believes of the table: a CROSS JOIN keeps SQLite from going through all of the
    tenant's rows first, and OFFSET 0 keeps PostgreSQL."""
    if db.is_sqlite():
        return f"CROSS JOIN interaction_summary t WHERE {condition}"
    found = f"SELECT t.ctid AS place, t.* FROM interaction_summary t WHERE {condition} OFFSET 0"
    return f"CROSS JOIN LATERAL ({found}) t"


def _upsert(tenant_id: int, in_order: bool) -> None:
    # Aggregated transactions are staged in the order of their keys.
    order = "" if in_order else f"ORDER BY {_KEY_ORDER}"
    names = [name.strip() for name in VALUES.split(",")]
    assignments = ", ".join(f"{name} = excluded.{name}" for name in names)
    stored = ", ".join(f"interaction_summary.{name}" for name in names)
    offered = ", ".join(f"excluded.{name}" for name in names)
    db.execute(
        f"INSERT INTO interaction_summary (tenant_id, {COLUMNS})"
        f" SELECT %s, {COLUMNS} FROM staged_summary WHERE NOT ({_IS_ZERO}) {order}"
        f" ON CONFLICT (tenant_id, {KEY}) DO UPDATE SET {assignments}"
        f" WHERE ({stored}) <> ({offered})",
        (tenant_id,),
    )


def _staged_customers() -> int:
    return db.value("SELECT COUNT(*) FROM (SELECT DISTINCT customer_id FROM staged_summary) s")


def _staged_customers_stored(tenant_id: int) -> int:
    return db.value(
        "SELECT COUNT(*) FROM (SELECT DISTINCT customer_id FROM staged_summary) s WHERE EXISTS"
        " (SELECT 1 FROM interaction_summary t"
        " WHERE t.tenant_id = %s AND t.customer_id = s.customer_id)",
        (tenant_id,),
    )


def _count_customers(tenant_id: int) -> int:
    return db.value(
        "SELECT COUNT(DISTINCT customer_id) FROM interaction_summary WHERE tenant_id = %s",
        (tenant_id,),
    )


def _has_rows(tenant_id: int) -> bool:
    return bool(
        db.rows("SELECT 1 FROM interaction_summary WHERE tenant_id = %s LIMIT 1", (tenant_id,))
    )
