"""The lines of an order among the staged transactions become one transaction."""

from clv import db
from clv.db.dialect import analyze
from clv.store import staging
from clv.store.left_out import LeftOutRows, leave_out
from clv.store.staging import (
    CORRECTION,
    HELD,
    IS_CORRECTION,
    IS_COUNTED,
    SALE,
    TRANSACTION_COLUMNS,
)
from clv.store.sums import refuse_large_sums

_IS_LINE = f"order_id <> '' AND {IS_COUNTED}"
# The lines of one order in different currencies are never added up.
_ORDER = "order_id, COALESCE(currency, '')"
# 64 bits on SQLite, where only INTEGER makes the key the row's own; lines are fewer than 2^31.
_LINE_KEY = "line INTEGER PRIMARY KEY"


def join_orders(how: str) -> list[LeftOutRows]:
    """Make one transaction of the lines of each order. Rows without an order's number are one each.

    ``sum``: its amount is the sum of all lines. Time and customer are those of the first line that
    is no correction (the first that has a customer), for a refund must not make a sale younger. It
    is a correction if the sum is negative, or all of its lines are corrections.

    ``first``: its first line has its amount; further ones are left out. A correction does not
    repeat the sale of its order, nor a correction at another time.

    Covered lines stay as they are. If one line of an order is held, so are all.

    :param how: ``sum`` or ``first``
    :returns: the lines left out, at most one group; its value is None
    :raises Invalid: when the lines of an order add up to more than the database can hold
    """
    if not staging.are_detailed():
        return []
    _hold_orders()
    if not _has_lines(_IS_LINE):
        return []
    _complete_currencies()
    if how == "first":
        return _leave_out_repeats()
    _add_up_lines()
    return []


def has_repeats() -> bool:
    """Whether an order has several lines that count, besides corrections."""
    return _has_lines(f"{_IS_LINE} AND NOT {IS_CORRECTION}")


def _hold_orders() -> None:
    held = f"SELECT order_id FROM staged_transaction WHERE kind = {HELD} AND order_id <> ''"
    if db.row(f"{held} LIMIT 1"):
        db.execute(
            f"UPDATE staged_transaction SET kind = {HELD} WHERE {_IS_LINE} AND order_id IN ({held})"
        )


def _has_lines(condition: str) -> bool:
    """Whether any order has more than one such line; in most files none has."""
    order = f"SELECT 1 FROM staged_transaction WHERE {condition} GROUP BY order_id"
    return db.row(f"{order} HAVING COUNT(*) > 1 LIMIT 1") is not None


def _complete_currencies() -> None:
    """A line without a currency is in that of its order's first line that has one."""
    if not db.row(f"SELECT 1 FROM staged_transaction WHERE {_IS_LINE} AND currency <> '' LIMIT 1"):
        return
    empty = f"{_IS_LINE} AND COALESCE(currency, '') = ''"
    if not db.row(f"SELECT 1 FROM staged_transaction WHERE {empty} LIMIT 1"):
        return
    _make_table(
        "order_currency",
        "order_id TEXT {c} PRIMARY KEY, currency TEXT {c}",
        "SELECT order_id, currency FROM (SELECT order_id, currency,"
        " ROW_NUMBER() OVER (PARTITION BY order_id ORDER BY line) AS place"
        f" FROM staged_transaction WHERE {_IS_LINE} AND currency <> '') placed WHERE place = 1",
    )
    db.execute(
        "UPDATE staged_transaction SET currency = (SELECT o.currency FROM order_currency o"
        f" WHERE o.order_id = staged_transaction.order_id) WHERE {empty}"
    )


def _leave_out_repeats() -> list[LeftOutRows]:
    moment = f"CASE WHEN {IS_CORRECTION} THEN contact_ms END"
    _make_table(
        "repeated_line",
        _LINE_KEY,
        f"SELECT line FROM (SELECT line, ROW_NUMBER() OVER (PARTITION BY {_ORDER},"
        f" {IS_CORRECTION}, {moment} ORDER BY line) AS place"
        f" FROM staged_transaction WHERE {_IS_LINE}) placed WHERE place > 1",
    )
    return leave_out("NULL", "line IN (SELECT line FROM repeated_line)")


def _add_up_lines() -> None:
    refuse_large_sums(_ORDER, _IS_LINE, "The lines of order {0} add up to too much.")
    _make_table(
        "staged_order",
        f"{_LINE_KEY}, buyer_line BIGINT, named_line BIGINT, amount BIGINT, kind SMALLINT,"
        " lines BIGINT",
        f"SELECT COALESCE(MIN(CASE WHEN NOT {IS_CORRECTION} THEN line END), MIN(line)) AS line,"
        f" {_first_named(f'NOT {IS_CORRECTION}')} AS buyer_line, {_first_named('TRUE')} AS"
        " named_line, SUM(amount) AS amount,"
        f" CASE WHEN SUM(amount) < 0 OR COUNT(*) = COUNT(CASE WHEN {IS_CORRECTION} THEN 1 END)"
        f" THEN {CORRECTION} ELSE {SALE} END AS kind, COUNT(*) AS lines"
        f" FROM staged_transaction WHERE {_IS_LINE} GROUP BY {_ORDER}",
    )
    _replace_lines()


def _first_named(condition: str) -> str:
    return f"MIN(CASE WHEN customer_id <> '' AND {condition} THEN line END)"


def _replace_lines() -> None:
    """Write the table anew: with half of the rows gone it takes less time than changing it."""
    staging.create_transactions("joined_transaction")
    name_line = "COALESCE(o.buyer_line, o.named_line)"
    name = "t.customer_id"
    if db.row(f"SELECT 1 FROM staged_order o WHERE {name_line} <> o.line LIMIT 1"):
        db.execute("CREATE INDEX staged_transaction_line ON staged_transaction (line)")
        name = f"(SELECT n.customer_id FROM staged_transaction n WHERE n.line = {name_line})"
    db.execute(
        f"INSERT INTO joined_transaction ({TRANSACTION_COLUMNS})"
        f" SELECT {name}, t.contact_ms, o.amount,"
        " CASE WHEN o.lines = 1 THEN t.kind ELSE o.kind END, t.order_id, t.currency, t.line"
        # In this order on SQLite: staged_order has an index, the transactions have none.
        " FROM staged_transaction t CROSS JOIN staged_order o WHERE o.line = t.line"
        f" UNION ALL SELECT {TRANSACTION_COLUMNS} FROM staged_transaction"
        f" WHERE COALESCE(order_id, '') = '' OR NOT {IS_COUNTED}"
    )
    db.execute("DROP TABLE staged_transaction")
    db.execute("ALTER TABLE joined_transaction RENAME TO staged_transaction")
    analyze("staged_transaction")


def _make_table(table: str, columns: str, query: str) -> None:
    """Make a table of a query's rows. Its key has a type, or SQLite would not look it up."""
    db.execute(f"DROP TABLE IF EXISTS {table}")
    collated = columns.format(c="" if db.is_sqlite() else 'COLLATE "C"')
    db.execute(f"CREATE TEMPORARY TABLE {table} ({collated})")
    db.execute(f"INSERT INTO {table} {query}")
    analyze(table)
