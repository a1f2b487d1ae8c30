"""Merges the staged summaries into a tenant's, in one transaction."""

from dataclasses import dataclass

from clv import db
from clv.db.dialect import MANY_ROWS, analyze
from clv.errors import Conflict
from clv.store import records, shards
from clv.store.summaries import COLUMNS, KEY, VALUES
from clv.store.tenants import keep_count, lock_tenant

# All writers write in this order, or two of them with rows in common deadlock on PostgreSQL.
_KEY_ORDER = KEY
_IS_ZERO = "impressions = 0 AND converts = 0 AND total_value = 0"


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge did, in numbers of rows.

    :param lowered: customer-days with fewer contacts or less value than before
    """

    received: int
    inserted: int
    updated: int
    unchanged: int
    deleted: int
    lowered: int = 0

    @property
    def has_changes(self) -> bool:
        """Whether any stored row is different now."""
        return bool(self.inserted or self.updated or self.deleted)


def merge(
    tenant_id: int, period_type: str, *, aggregated: bool = False, replace: bool = False
) -> Merged:
    """Merge the staged summaries into the tenant's, all of them or none.

    A row whose impressions, converts and value are all 0 deletes the stored one; equal rows are
    left alone. Customers who lose their last summary lose their record and history as well.

    :param aggregated: each staged row is everything that a customer did on one day: delete the
        stored rows of that customer and day that are for single offers, creatives or channels
    :param replace: the staged rows are all that the tenant keeps: delete every other row
    :raises Conflict: when the tenant has summaries of another period type
    """
    received, zeros = _staged_rows()
    if received >= MANY_ROWS:
        analyze("interaction_summary")
    with db.transaction():
        stored_type, customers = lock_tenant(tenant_id)
        if not replace:
            _check_period_type(stored_type, period_type)
        if replace or zeros:
            shards.fence_active_runs(tenant_id)
        known = 0
        merged = Merged(received, inserted=received - zeros, updated=0, unchanged=zeros, deleted=0)
        if _has_rows(tenant_id):
            counts = _counts(tenant_id)
            known = 0 if replace else _staged_customers_stored(tenant_id)
            merged = Merged(*counts, _delete(tenant_id, zeros > 0, aggregated, replace))
        _upsert(tenant_id, aggregated, merged.inserted)
        customers = _customers_now(tenant_id, customers - known, zeros > 0, replace)
        if replace or zeros:
            records.delete_orphans(tenant_id, replace)
        keep_count(tenant_id, period_type, customers, merged.has_changes)
    return merged


def _staged_rows() -> tuple[int, int]:
    """The number of staged rows, and of those among them with zeros only."""
    return db.rows(
        f"SELECT COUNT(*), COALESCE(SUM(CASE WHEN {_IS_ZERO} THEN 1 ELSE 0 END), 0)"
        " FROM staged_summary"
    )[0]


def _check_period_type(stored_type: str | None, period_type: str) -> None:
    if stored_type not in (None, period_type):
        raise Conflict(
            f"This tenant's summaries are {stored_type}; {period_type} ones would count"
            f" interactions twice. Send {stored_type} rows, or delete the stored ones first."
        )


# Of the staged rows: all, those with zeros only, those whose key is stored, those that equal the
# stored row, and those with zeros only whose key is stored.
_COMPARISON = (
    "SELECT COUNT(*), COALESCE(SUM(zero), 0), COUNT(t.impressions),"
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
    " AND t.channel_id = s.channel_id"
)


def _counts(tenant_id: int) -> tuple[int, int, int, int]:
    """The rows received, and those that the merge is about to insert, update and leave alone."""
    [(received, zero, stored, equal, zero_stored)] = db.rows(_COMPARISON, (tenant_id,))
    inserted = received - zero - (stored - zero_stored)
    updated = stored - zero_stored - equal
    # Deleting a row that is not stored changes nothing.
    unchanged = equal + zero - zero_stored
    return received, inserted, updated, unchanged


def _delete(tenant_id: int, zeros: bool, aggregated: bool, replace: bool) -> int:
    doomed = _doomed_keys(tenant_id, zeros, aggregated, replace)
    return sum(_delete_keys(tenant_id, keys, params) for keys, params in doomed)


def _doomed_keys(
    tenant_id: int, zeros: bool, aggregated: bool, replace: bool
) -> list[tuple[str, tuple]]:
    """Queries of the keys of stored rows to delete, with their parameters."""
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
    return doomed


def _delete_keys(tenant_id: int, keys: str, params: tuple) -> int:
    """Delete the rows whose keys a query returns.

    On PostgreSQL each is looked up by its key and deleted by its place (ctid), which the lock on
    the tenant keeps unchanged. With outdated statistics PostgreSQL expects a single row of a
    tenant that has grown, and would scan all keys for each of its rows.
    """
    if db.is_sqlite():
        delete = f"DELETE FROM interaction_summary WHERE tenant_id = %s AND ({KEY}) IN ({keys})"
        return db.execute(delete, (tenant_id, *params))
    same = " AND ".join(f"t.{name} = gone.{name}" for name in KEY.split(", "))
    places = f"SELECT t.place FROM ({keys}) gone {_looked_up(f't.tenant_id = %s AND {same}')}"
    delete = f"DELETE FROM interaction_summary WHERE ctid = ANY(ARRAY({places}))"
    return db.execute(delete, (*params, tenant_id))


def _looked_up(condition: str) -> str:
    """The join with the stored rows ``t`` of each row on its left, looked up by key whatever the
    statistics say: CROSS JOIN keeps SQLite from scanning all of the tenant's rows first, and
    OFFSET 0 keeps PostgreSQL from it."""
    if db.is_sqlite():
        return f"CROSS JOIN interaction_summary t WHERE {condition}"
    stored = f"SELECT t.ctid AS place, t.* FROM interaction_summary t WHERE {condition} OFFSET 0"
    return f"CROSS JOIN LATERAL ({stored}) t"


def _upsert(tenant_id: int, aggregated: bool, inserted: int) -> None:
    # Aggregated transactions were staged in the order of their keys.
    order = "" if aggregated else f"ORDER BY {_KEY_ORDER}"
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
    if inserted >= MANY_ROWS:
        analyze("interaction_summary")


def _customers_now(tenant_id: int, others: int, zeros: bool, replace: bool) -> int:
    """The number of the tenant's customers after the merge.

    :param others: those of before who are not staged
    :param zeros: whether any staged row has zeros only
    """
    if replace:
        return _count_customers(tenant_id)
    return others + (_staged_customers_stored(tenant_id) if zeros else _staged_customers())


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
