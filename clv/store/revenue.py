"""The sums of a tenant's summaries by period, kept by whoever changes the summaries.

Each sum is one over customers. So a writer takes out of them what the customers have in them whom
it is about to change, and puts back what they have afterwards, in its transaction and with the
tenant locked: the sums always equal those that a calculation of all summaries would give. One that
replaces much calculates them anew instead.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from clv import db
from clv.db.dialect import monday, rows_of_texts, texts
from clv.domain import periods
from clv.domain.revenue import PeriodSums
from clv.store.lookups import looked_up
from clv.store.tenants import lock_tenant

_SUMS = (
    "summaries",
    "value_high",
    "value_low",
    "conversions",
    "customers",
    "week_customers",
    "month_customers",
    "new_buyers",
)
_COLUMNS = f"period_key, {', '.join(_SUMS)}"
# A BIGINT holds the sums of 10^10 rows of both parts of an amount.
_HIGH = 100_000_000


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of a tenant, with what it depends on, as of one moment.

    :param is_current: whether the sums are those of the data
    :param sums: of days, weeks or months, in order of time
    """

    currency: str
    period_type: str | None
    days_time_zone: str
    data_updated_ms: int | None
    is_current: bool
    sums: list[PeriodSums]


@dataclass(frozen=True, slots=True)
class Customers:
    """Some of a tenant's customers.

    :param query: of their ids; twice the same one does no harm
    """

    query: str
    params: tuple[Any, ...] = ()


STAGED = Customers("SELECT customer_id FROM staged_summary")


def these(customer_ids: Collection[str]) -> Customers:
    """The customers with these ids."""
    query = f"SELECT value AS customer_id FROM ({rows_of_texts()}) ids"
    return Customers(query, (texts(list(customer_ids)),))


class Keeping:
    """Keeps a tenant's sums while the summaries of some customers change. Inside the transaction
    that changes them, with the tenant locked.

    :param customers: whose summaries change; None: those of most customers
    """

    def __init__(self, tenant_id: int, customers: Customers | None) -> None:
        self._tenant_id, self._customers = tenant_id, customers
        self._is_current = _is_current(*_state(tenant_id))
        if self._is_current and customers is not None:
            _add(tenant_id, customers, -1)

    def end(self, changed: bool) -> None:
        """The summaries have changed, and the tenant says since when.

        :param changed: False if they turned out to be the same
        """
        if self._customers is not None:
            if not self._is_current:
                # They are made anew when somebody asks for them. Until then nothing is left in them
                # of who was erased.
                _delete_all(self._tenant_id)
                return
            _add(self._tenant_id, self._customers, +1)
            empty = "DELETE FROM revenue_period WHERE tenant_id = %s AND summaries = 0"
            db.execute(empty, (self._tenant_id,))
        elif changed or not self._is_current:
            _delete_all(self._tenant_id)
            _add(self._tenant_id, None, +1)
        _mark(self._tenant_id)


def read(tenant_id: int) -> Kept:
    """All that is kept of a tenant."""
    rows = db.rows(
        "SELECT t.currency, t.period_type, t.days_time_zone, t.data_updated_ms, t.revenue_ms,"
        f" t.customers, {', '.join(f'p.{name}' for name in _COLUMNS.split(', '))}"
        " FROM tenant t LEFT JOIN revenue_period p ON p.tenant_id = t.id"
        " WHERE t.id = %s ORDER BY p.period_key",
        (tenant_id,),
    )
    currency, period_type, zone, updated_ms, revenue_ms, customers = rows[0][:6]
    sums = []
    if period_type in periods.KIND_OF_TYPE:
        sums = [_period_sums(*row[6:]) for row in rows if row[6] is not None]
    is_current = _is_current(updated_ms, revenue_ms, customers)
    return Kept(currency, period_type, zone, updated_ms, is_current, sums)


def is_current(tenant_id: int) -> bool:
    """Whether the sums are those of the data."""
    return _is_current(*_state(tenant_id))


def calculate(tenant_id: int) -> bool:
    """Make the sums anew from all summaries; False if these have changed meanwhile."""
    before = _state(tenant_id)
    query, params = _contribution(tenant_id, None)
    sums = db.rows(query, params)
    with db.transaction():
        lock_tenant(tenant_id)
        if _state(tenant_id) != before:
            return False
        _delete_all(tenant_id)
        places = ", ".join(["%s"] * (2 + len(_SUMS)))
        db.execute_many(
            f"INSERT INTO revenue_period (tenant_id, {_COLUMNS}) VALUES ({places})",
            [(tenant_id, *row) for row in sums],
        )
        _mark(tenant_id)
    return True


def _state(tenant_id: int) -> tuple[int | None, int | None, int]:
    """When the tenant's data changed, as of when the sums are, and the number of customers."""
    row = db.row(
        "SELECT data_updated_ms, revenue_ms, customers FROM tenant WHERE id = %s", (tenant_id,)
    )
    return (None, None, 0) if row is None else (row[0], row[1], row[2])


def _is_current(updated_ms: int | None, revenue_ms: int | None, customers: int) -> bool:
    return not customers if revenue_ms is None else revenue_ms == (updated_ms or 0)


def _mark(tenant_id: int) -> None:
    """Note that the sums are those of the data."""
    db.execute(
        "UPDATE tenant SET revenue_ms = COALESCE(data_updated_ms, 0) WHERE id = %s", (tenant_id,)
    )


def _delete_all(tenant_id: int) -> None:
    db.execute("DELETE FROM revenue_period WHERE tenant_id = %s", (tenant_id,))


def _add(tenant_id: int, customers: Customers | None, sign: int) -> None:
    """Add what customers have in the sums, or take it out of them."""
    query, params = _contribution(tenant_id, customers, sign)
    added = ", ".join(f"{name} = revenue_period.{name} + excluded.{name}" for name in _SUMS)
    db.execute(
        f"INSERT INTO revenue_period (tenant_id, {_COLUMNS})"
        f" SELECT %s, added.* FROM ({query}) added WHERE true"
        f" ON CONFLICT (tenant_id, period_key) DO UPDATE SET {added}",
        (tenant_id, *params),
    )


def _contribution(
    tenant_id: int, customers: Customers | None, sign: int = 1
) -> tuple[str, tuple[Any, ...]]:
    """The query of what customers have in the sums of each period, with its parameters.

    Two passes over their summaries: one without regard to the customer, and one over those with
    conversions, where each sees the customer's conversion before. On SQLite that takes half as long
    as a single pass with a window over all of them.
    """
    stored, params = _stored(tenant_id, customers)
    high = f"total_value / {_HIGH}"
    amounts = (
        f"SELECT period_key, COUNT(*) AS summaries, SUM({high}) AS value_high,"
        f" SUM(total_value - {high} * {_HIGH}) AS value_low, SUM(converts) AS conversions,"
        " 0 AS customers, 0 AS week_customers, 0 AS month_customers, 0 AS new_buyers"
        " FROM stored GROUP BY period_key"
    )
    before = "LAG(period_key) OVER (PARTITION BY customer_id ORDER BY period_key)"
    conversions = f"SELECT period_key, {before} AS before FROM stored WHERE converts > 0"
    buyers = (
        f"SELECT period_key, 0, 0, 0, 0, {_firsts('period_key')},"
        f" {_firsts(_of_days(monday('period_key')))}, {_firsts(_of_days(_FIRST_OF_MONTH))},"
        " COUNT(*) - COUNT(before)"
        f" FROM ({conversions}) bought GROUP BY period_key"
    )
    sums = ", ".join(f"CAST({sign} * SUM({name}) AS BIGINT)" for name in _SUMS)
    both = f"SELECT period_key, {sums} FROM ({amounts} UNION ALL {buyers}) u GROUP BY period_key"
    return f"WITH stored AS {stored} {both} ORDER BY period_key", params


def _stored(tenant_id: int, customers: Customers | None) -> tuple[str, tuple[Any, ...]]:
    """The query of the summaries of customers, with its parameters: of some of them they are looked
    up once, all are read twice."""
    columns = "customer_id, period_key, converts, total_value"
    if customers is None:
        all_rows = f"SELECT {columns} FROM interaction_summary WHERE tenant_id = %s"
        return f"NOT MATERIALIZED ({all_rows})", (tenant_id,)
    ids = f"(SELECT DISTINCT customer_id FROM ({customers.query}) chosen) c"
    found = looked_up("t.tenant_id = %s AND t.customer_id = c.customer_id", columns)
    names = ", ".join(f"t.{name}" for name in columns.split(", "))
    return f"MATERIALIZED (SELECT {names} FROM {ids} {found})", (*customers.params, tenant_id)


_FIRST_OF_MONTH = "substr(period_key, 1, 7)"


def _firsts(since: str) -> str:
    """The number of conversions whose customers had none before since the period with this key."""
    return f"COUNT(CASE WHEN before IS NULL OR before < {since} THEN 1 END)"


def _of_days(since: str) -> str:
    """The expression for daily keys alone; weeks and months are of no use for others."""
    return f"CASE WHEN LENGTH(period_key) = 10 THEN {since} ELSE period_key END"


def _period_sums(
    key: str, summaries: int, high: int, low: int, conversions: int, *buyers: int
) -> PeriodSums:
    return PeriodSums(periods.first_day_of(key), high * _HIGH + low, conversions, *buyers)
