"""Merges the staged summaries into a tenant's, in one transaction."""

from dataclasses import dataclass
from dataclasses import replace as replace_fields

from clv import db
from clv.db.dialect import MANY_ROWS, analyze
from clv.errors import Conflict
from clv.store import records, revenue, shards
from clv.store.comparing import SAME_OFFER, SAME_PERIOD, changes, compare, count_lowered
from clv.store.left_out import RowsOfErased, leave_out_erased
from clv.store.lookups import looked_up
from clv.store.summaries import COLUMNS, IS_ZERO, KEY, VALUES
from clv.store.tenants import begin_data, check_currency, keep_count, lock_tenant

# All writers write in this order, or two of them with rows in common deadlock on PostgreSQL.
_KEY_ORDER = KEY
# With rows of more than one customer in so many, adding up all summaries takes less time than
# looking up theirs.
_FEW = 4


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge did, in numbers of rows.

    :param received: staged rows, without those of ``erased``
    :param lowered: how many stored customer-days a file of transactions lowered: they have fewer
        impressions or less value than before, or are gone
    :param erased: who was erased while the rows were on their way
    """

    received: int
    inserted: int
    updated: int
    unchanged: int
    deleted: int
    lowered: int = 0
    erased: RowsOfErased | None = None

    @property
    def has_changes(self) -> bool:
        """Whether any stored row is different now."""
        return bool(self.inserted or self.updated or self.deleted)


def merge(
    tenant_id: int,
    period_type: str,
    *,
    aggregated: bool = False,
    replace: bool = False,
    staged_customers: int | None = None,
    currency: str | None = None,
    since_removal: int | None = None,
) -> Merged:
    """Merge the staged summaries into the tenant's, all of them or none.

    A row whose impressions, converts and value are all 0 deletes the stored one; equal rows are
    left alone. Customers who lose their last summary lose their record and history as well.

    :param aggregated: each staged row is everything that a customer did on one day: delete the
        stored rows of that customer and day that are for single offers, creatives or channels
    :param replace: the staged rows are all that the tenant keeps: delete every other row
    :param staged_customers: the number of customers with staged rows other than zeros, if the
        caller knows it: counting them takes long
    :param currency: of the staged amounts, if it is known; a tenant without data takes it
    :param since_removal: the tenant's last removal before the rows were read: who was erased since
        is left out; None if they are as of now
    :raises Conflict: when the tenant has summaries of another period type, or in another currency
    """
    received, zeros = _staged_rows()
    if received >= MANY_ROWS:
        analyze("interaction_summary")
    with db.transaction():
        stored_type, customers = lock_tenant(tenant_id)
        if (erased := leave_out_erased(tenant_id, since_removal)) is not None:
            (received, zeros), staged_customers = _staged_rows(), None
        if not replace:
            _check_period_type(stored_type, period_type)
        if replace or not customers:
            begin_data(tenant_id, currency)
        elif currency:
            check_currency(tenant_id, currency)
        if replace or zeros:
            shards.fence_active_runs(tenant_id)
        touches_many = replace or received * _FEW >= customers
        keeping = revenue.Keeping(tenant_id, None if touches_many else revenue.STAGED)
        known = 0
        merged = Merged(received, inserted=received - zeros, updated=0, unchanged=zeros, deleted=0)
        if _has_rows(tenant_id):
            compared = compare(tenant_id, aggregated)
            known = 0 if replace else _staged_customers_stored(tenant_id)
            lowered = count_lowered(tenant_id, compared) if aggregated else 0
            deleted = _delete(tenant_id, zeros > 0, compared.others > 0, replace)
            merged = Merged(received, *changes(received, zeros, compared), deleted, lowered)
        _upsert(tenant_id, aggregated, merged.inserted)
        if replace or zeros or staged_customers is None:
            staged_customers = _staged_customers_now(tenant_id, zeros > 0, replace)
        customers = (0 if replace else customers - known) + staged_customers
        if replace or zeros:
            records.delete_orphans(tenant_id, replace)
        keep_count(tenant_id, period_type, customers, merged.has_changes)
        keeping.end(merged.has_changes)
    return replace_fields(merged, erased=erased)


def customers_not_staged(tenant_id: int) -> int:
    """How many customers a merge that replaces everything would remove."""
    return db.value(
        "SELECT COUNT(*) FROM (SELECT customer_id FROM interaction_summary WHERE tenant_id = %s"
        f" EXCEPT SELECT customer_id FROM staged_summary WHERE NOT ({IS_ZERO})) AS removed",
        (tenant_id,),
    )


def _staged_rows() -> tuple[int, int]:
    """The number of staged rows, and of those among them with zeros only."""
    return db.rows(
        f"SELECT COUNT(*), COALESCE(SUM(CASE WHEN {IS_ZERO} THEN 1 ELSE 0 END), 0)"
        " FROM staged_summary"
    )[0]


def _check_period_type(stored_type: str | None, period_type: str) -> None:
    if stored_type not in (None, period_type):
        raise Conflict(
            f"This tenant's summaries are {stored_type}; {period_type} ones would count"
            f" interactions twice. Send {stored_type} rows, or delete the stored ones first."
        )


def _delete(tenant_id: int, zeros: bool, others: bool, replace: bool) -> int:
    doomed = _doomed_keys(tenant_id, zeros, others, replace)
    return sum(_delete_keys(tenant_id, keys, params) for keys, params in doomed)


def _doomed_keys(
    tenant_id: int, zeros: bool, others: bool, replace: bool
) -> list[tuple[str, tuple]]:
    """Queries of the keys of stored rows to delete, with their parameters."""
    staged = f"SELECT {KEY} FROM staged_summary"
    doomed: list[tuple[str, tuple]] = []
    if zeros:
        doomed.append((f"{staged} WHERE {IS_ZERO}", ()))
    if replace:
        stored = f"SELECT {KEY} FROM interaction_summary WHERE tenant_id = %s"
        doomed.append((f"{stored} EXCEPT {staged}", (tenant_id,)))
    elif others:
        of_others = f"{SAME_PERIOD} AND NOT ({SAME_OFFER})"
        keys = ", ".join(f"t.{name}" for name in KEY.split(", "))
        doomed.append((f"SELECT {keys} FROM staged_summary s {looked_up(of_others)}", (tenant_id,)))
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
    places = f"SELECT t.place FROM ({keys}) gone {looked_up(f't.tenant_id = %s AND {same}')}"
    delete = f"DELETE FROM interaction_summary WHERE ctid = ANY(ARRAY({places}))"
    return db.execute(delete, (*params, tenant_id))


def _upsert(tenant_id: int, aggregated: bool, inserted: int) -> None:
    # Aggregated transactions were staged in the order of their keys.
    order = "" if aggregated else f"ORDER BY {_KEY_ORDER}"
    names = [name.strip() for name in VALUES.split(",")]
    assignments = ", ".join(f"{name} = excluded.{name}" for name in names)
    stored = ", ".join(f"interaction_summary.{name}" for name in names)
    offered = ", ".join(f"excluded.{name}" for name in names)
    db.execute(
        f"INSERT INTO interaction_summary (tenant_id, {COLUMNS})"
        f" SELECT %s, {COLUMNS} FROM staged_summary WHERE NOT ({IS_ZERO}) {order}"
        f" ON CONFLICT (tenant_id, {KEY}) DO UPDATE SET {assignments}"
        f" WHERE ({stored}) <> ({offered})",
        (tenant_id,),
    )
    if inserted >= MANY_ROWS:
        analyze("interaction_summary")


def _staged_customers_now(tenant_id: int, zeros: bool, replace: bool) -> int:
    """The number of customers with staged rows that have summaries after the merge.

    :param zeros: whether any staged row has zeros only
    """
    if replace:
        return _count_customers(tenant_id)
    if zeros:
        return _staged_customers_stored(tenant_id)
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
    any_row = "SELECT 1 FROM interaction_summary WHERE tenant_id = %s LIMIT 1"
    return bool(db.rows(any_row, (tenant_id,)))
