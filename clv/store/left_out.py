"""Staged transactions that do not count, removed and added up by what is wrong with them."""

from collections.abc import Collection
from dataclasses import dataclass

from clv import db
from clv.db.dialect import in_texts, texts
from clv.store import staging
from clv.store.staging import IS_CORRECTION, IS_COUNTED
from clv.store.sums import sum_parts, total

FIRST_LINES = 5
# One row with such a word may be that of one person whose id it is.
_LEAST_PLACEHOLDERS = 2
_SUM = ", ".join(sum_parts("amount"))


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


def leave_out(value: str, condition: str, *params: str | list[str]) -> list[LeftOutRows]:
    """Remove the rows that meet a condition.

    :param value: the expression by which they are grouped
    :returns: a group each, the one with the most rows first
    """
    of = f"FROM staged_transaction WHERE {condition}"
    groups = db.rows(
        f"SELECT {value}, COUNT(*), {_SUM} {of} GROUP BY 1 ORDER BY 2 DESC, 1",
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
