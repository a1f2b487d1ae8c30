"""Staged transactions that do not count, removed and added up by what is wrong with them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from clv import db
from clv.db.dialect import in_texts, texts
from clv.store import removals, staging
from clv.store.staging import IS_CORRECTION, IS_COUNTED
from clv.store.sums import sum_parts, total

FIRST_LINES = 5
# One row with such a word may be that of one person whose id it is.
_LEAST_PLACEHOLDERS = 2
_SUM = ", ".join(sum_parts("amount"))
_SUMMARIES = ("staged_summary", "total_value")
_IDS_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class LeftOutRows:
    """Removed rows with one value: a customer, a currency; None where there is no value.

    :param total: the sum of their amounts, in 1/10,000
    :param lines: the first five line numbers; none for plain files
    """

    value: str | None
    rows: int
    total: int
    lines: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RowsOfErased:
    """Removed summaries of customers who were erased."""

    customers: tuple[str, ...]
    rows: LeftOutRows


def leave_out_placeholders(words: Collection[str], least_share: float = 0.01) -> list[LeftOutRows]:
    """Remove the rows whose customer is a word such as "guest", in any case of ASCII letters, where
    it stands for several people: it has a share of the sales that no person has, and two at least.

    Call it when orders are joined: a share of orders, not of their lines.

    :param words: in lower case
    :param least_share: of all sales
    """
    word = "LOWER(customer_id)"
    sales = f"{IS_COUNTED} AND NOT {IS_CORRECTION}"
    counts = db.rows(
        f"SELECT {word}, COUNT(*) FROM staged_transaction"
        f" WHERE {in_texts(word)} AND {sales} GROUP BY {word}",
        (texts(list(words)),),
    )
    if not counts:
        return []
    all_sales = db.value(f"SELECT COUNT(*) FROM staged_transaction WHERE {sales}")
    least = max(_LEAST_PLACEHOLDERS, least_share * all_sales)
    placeholders = [text for text, count in counts if count >= least]
    if not placeholders:
        return []
    left_out = leave_out(word, f"{in_texts(word)} AND {IS_COUNTED}", texts(placeholders))
    # Covered and held rows are counted already.
    db.execute(f"DELETE FROM staged_transaction WHERE {in_texts(word)}", (texts(placeholders),))
    return left_out


def leave_out_nameless() -> list[LeftOutRows]:
    """Remove the rows without a customer. Call it when orders are joined: a line may have none."""
    if not staging.are_detailed():
        return []
    return leave_out("NULL", f"{IS_COUNTED} AND COALESCE(customer_id, '') = ''")


def staged_currencies() -> list[tuple[str | None, int, int]]:
    """Each currency of the rows that count, with their number and the sum of their amounts; the
    most frequent first."""
    currency = "NULLIF(currency, '')"
    rows = db.rows(
        f"SELECT {currency}, COUNT(*), {_SUM} FROM staged_transaction"
        f" WHERE {IS_COUNTED} GROUP BY 1 ORDER BY 2 DESC, 1"
    )
    return [(code, count, total(*parts)) for code, count, *parts in rows]


def keep_currency(code: str) -> list[LeftOutRows]:
    """Remove the rows that count in another currency, by currency. Those without one stay."""
    return leave_out("currency", f"{IS_COUNTED} AND currency <> '' AND currency <> %s", code)


def leave_out_customers(customer_ids: Sequence[str]) -> list[LeftOutRows]:
    """Remove the rows that count of these customers; a single group."""
    condition = f"{in_texts('customer_id')} AND {IS_COUNTED}"
    return leave_out("NULL", condition, texts(customer_ids))


def leave_out_erased(tenant_id: int, since_removal: int | None) -> RowsOfErased | None:
    """Remove the staged summaries of customers who were erased after this removal. With the tenant
    locked. Hardly ever was anybody: the staged ids are read in that case alone."""
    if since_removal is None:
        return None
    erased = removals.erased_since(tenant_id, since_removal)
    if not erased:
        return None
    pages = db.stream("SELECT DISTINCT customer_id FROM staged_summary", (), _IDS_AT_ONCE)
    found = [one for page in pages for one in erased.among(row[0] for row in page)]
    if not found:
        return None
    condition = in_texts("customer_id")
    [rows] = leave_out("NULL", condition, texts(found), table=_SUMMARIES)
    return RowsOfErased(tuple(found), rows)


def leave_out(
    value: str,
    condition: str,
    *params: str | list[str],
    table: tuple[str, str] = ("staged_transaction", "amount"),
) -> list[LeftOutRows]:
    """Remove the rows that meet a condition.

    :param value: the expression by which they are grouped
    :param table: of the rows, and its column of amounts
    :returns: a group each, the one with the most rows first
    """
    name, amount = table
    of = f"FROM {name} WHERE {condition}"
    groups = db.rows(
        f"SELECT {value}, COUNT(*), {', '.join(sum_parts(amount))} {of}"
        " GROUP BY 1 ORDER BY 2 DESC, 1",
        params,
    )
    if not groups:
        return []
    lines: dict[str | None, list[int]] = {}
    for group, line in db.rows(
        f"SELECT value, line FROM (SELECT {value} AS value, line,"
        f" ROW_NUMBER() OVER (PARTITION BY {value} ORDER BY line) AS place {of}) placed"
        f" WHERE place <= {FIRST_LINES} AND line IS NOT NULL ORDER BY line",
        params,
    ):
        lines.setdefault(group, []).append(line)
    db.execute(f"DELETE {of}", params)
    return [
        LeftOutRows(group, count, total(*parts), tuple(lines.get(group, ())))
        for group, count, *parts in groups
    ]
