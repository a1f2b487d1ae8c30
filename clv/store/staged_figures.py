"""Figures of the staged transactions, for a preview and for warnings."""

from dataclasses import dataclass

from clv import db
from clv.store.staging import IS_CORRECTION, IS_COUNTED, KIND
from clv.store.summaries import IS_ZERO
from clv.store.sums import sum_parts, total

_IS_NO_ZERO = f"NOT ({IS_ZERO})"


@dataclass(frozen=True, slots=True)
class Figures:
    """What is staged, without days that are held.

    :param transactions: that count as an interaction
    :param corrections: that count in the value alone
    :param customers: with either
    :param first_day: the period key of the first day with either; None without any
    :param total: of all amounts, in 1/10,000
    :param largest_customer: the customer with the most transactions, and their number
    """

    transactions: int
    corrections: int
    customers: int
    first_day: str | None
    last_day: str | None
    total: int
    largest_customer: str | None
    largest_transactions: int

    @property
    def is_one_each(self) -> bool:
        """Whether every customer has exactly one transaction."""
        return self.customers == self.transactions and self.largest_transactions == 1


@dataclass(frozen=True, slots=True)
class StagedTransaction:
    """A staged transaction that counts; the line is None for plain files.

    :param kind: ``SALE`` or ``CORRECTION`` of :mod:`clv.store.staging`
    """

    line: int | None
    customer_id: str
    contact_ms: int
    amount: int
    kind: int


def figures() -> Figures:
    """The figures of what ``aggregate_transactions`` has staged."""
    sums = ", ".join(sum_parts("total_value"))
    transactions, first_day, last_day, *parts = db.rows(
        "SELECT COALESCE(SUM(impressions), 0), MIN(period_key),"
        f" MAX(period_key), {sums} FROM staged_summary WHERE {_IS_NO_ZERO}"
    )[0]
    # Grouping by customer is what takes time, so no other column takes part in it.
    customers, most, largest = db.rows(
        "WITH customer AS MATERIALIZED (SELECT customer_id, SUM(impressions) AS transactions"
        f" FROM staged_summary WHERE {_IS_NO_ZERO} GROUP BY customer_id)"
        " SELECT COUNT(*), COALESCE(MAX(transactions), 0), (SELECT customer_id FROM customer"
        " ORDER BY transactions DESC, customer_id LIMIT 1) FROM customer"
    )[0]
    return Figures(
        transactions=int(transactions),
        corrections=_count_corrections(),
        customers=customers,
        first_day=first_day,
        last_day=last_day,
        total=total(*parts),
        largest_customer=largest,
        largest_transactions=int(most),
    )


def sample(count: int) -> list[StagedTransaction]:
    """The first staged transactions that count, by their lines."""
    place = "rowid" if db.is_sqlite() else "ctid"
    rows = db.rows(
        "SELECT line, customer_id, contact_ms, amount,"
        f" {KIND} FROM staged_transaction"
        f" WHERE {IS_COUNTED} ORDER BY line, {place} LIMIT %s",
        (count,),
    )
    return [StagedTransaction(*row) for row in rows]


def newest_day(tenant_id: int) -> str | None:
    """The newest day of the tenant's daily summaries; None without any."""
    return db.value(
        "SELECT MAX(s.period_key) FROM interaction_summary s JOIN tenant t ON t.id = s.tenant_id"
        " WHERE s.tenant_id = %s AND t.period_type = 'daily'",
        (tenant_id,),
    )


def _count_corrections() -> int:
    return db.value(f"SELECT COUNT(*) FROM staged_transaction WHERE {IS_CORRECTION}")
