"""Staging of incoming interaction summaries, before :mod:`clv.store.merging` merges them.

The staging tables are temporary and belong to the connection: staging locks nobody out. A file is
staged on a connection that is closed in the end, whatever ends it (:func:`area`): only that gives
the disk back at once. SQLite's temporary files have no name, so a killed process leaves none.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from peewee import IntegrityError

from clv import db
from clv.db.dialect import analyze
from clv.domain.units import AMOUNT_SCALE
from clv.domain.values import MAX_AMOUNT, MAX_COUNT
from clv.store.summaries import COLUMNS, KEY, Summary

# What a staged transaction is; NULL: a sale, or a correction if its amount is negative. A sale is
# one interaction and conversion, whatever its amount. A correction counts in the value alone. A
# covered row counts as nothing, but its customer and day are covered by the file: an order that was
# cancelled, say. A held row is a bad line: the stored day of its customer stays as it is.
SALE, CORRECTION, COVERED, HELD = range(4)
KIND = f"COALESCE(kind, CASE WHEN amount < 0 THEN {CORRECTION} ELSE {SALE} END)"
IS_CORRECTION = f"({KIND} = {CORRECTION})"
IS_COUNTED = f"COALESCE(kind, {SALE}) IN ({SALE}, {CORRECTION})"
TRANSACTION_COLUMNS = "customer_id, contact_ms, amount, kind, order_id, currency, line"
_PLAIN_COLUMNS = "customer_id, contact_ms, amount"

_SUMMARIES_DDL = """
CREATE TEMPORARY TABLE IF NOT EXISTS staged_summary (
    customer_id TEXT {c}, period_key TEXT {c}, offer_id TEXT {c}, creative_id TEXT {c},
    channel_id TEXT {c}, impressions BIGINT, converts BIGINT, total_value BIGINT,
    first_contact_ms BIGINT, last_contact_ms BIGINT, line BIGINT)
"""
_TRANSACTIONS_DDL = """
CREATE TEMPORARY TABLE IF NOT EXISTS {table} (
    customer_id TEXT {c}, contact_ms BIGINT, amount BIGINT, kind SMALLINT, order_id TEXT {c},
    currency TEXT {c}, line BIGINT)
"""
# The lines with the same key as an earlier line.
_DOUBLE_LINES = f"""SELECT line FROM (
    SELECT line, ROW_NUMBER() OVER (PARTITION BY {KEY} ORDER BY line) AS place
    FROM staged_summary) placed WHERE place > 1"""


# What a staged row takes on the disk, what is made of it included, besides its texts; and these.
_ROW_BYTES = 200
_BYTES_A_CHARACTER = 3


@contextmanager
def area() -> Iterator[None]:
    """Stage on a connection of the block's own; its tables and their disk are gone in the end."""
    with db.within(db.LONG_SECONDS):
        try:
            yield
        finally:
            db.give_up()


@contextmanager
def few() -> Iterator[None]:
    """Stage some summaries on the connection at hand, which goes on to be used: the table is
    emptied, or after a failure the connection closed."""
    try:
        yield
        _empty("staged_summary", _SUMMARIES_DDL)
    except BaseException:
        db.give_up()
        raise


def disk_bytes(block: db.Columns, texts: Sequence[int]) -> int:
    """About how much temporary disk these rows will take.

    :param texts: which columns have texts of any length
    """
    characters = sum(len(text) for index in texts for text in block[index] if text)
    return len(block[0]) * _ROW_BYTES + characters * _BYTES_A_CHARACTER


def stage_summaries(rows: Sequence[Summary]) -> None:
    """Replace the staged summaries by these, whose keys are distinct."""
    empty_summaries()
    _fill("staged_summary", COLUMNS, [list(zip(*rows, strict=True))])


def stage_lines(blocks: Iterable[db.Columns], most: int) -> tuple[int, int, list[int]]:
    """Replace the staged summaries by the rows of a file, without those that repeat a key.

    :param blocks: the columns of a ``Summary``, and the line numbers
    :param most: the largest number of line numbers to return
    :returns: the number of rows staged, the number left out, and the first line numbers of these
    """
    empty_summaries()
    count = _fill("staged_summary", f"{COLUMNS}, line", blocks)
    index = f"CREATE UNIQUE INDEX staged_summary_key ON staged_summary ({KEY})"
    try:
        # The cheapest proof that no key repeats, and the merge uses this index.
        db.execute(index)
        return count, 0, []
    except IntegrityError:
        lines = db.rows(f"{_DOUBLE_LINES} ORDER BY line LIMIT %s", (most,))
        doubles = db.execute(f"DELETE FROM staged_summary WHERE line IN ({_DOUBLE_LINES})")
        db.execute(index)
        return count - doubles, doubles, [line for (line,) in lines]


def stage_transactions(blocks: Iterable[db.Columns], detailed: bool = False) -> int:
    """Replace the staged transactions by these, and return their number.

    :param blocks: customers, times in milliseconds since 1970, amounts in 1/10,000
    :param detailed: the blocks have more columns: kinds, order numbers, currencies, and line
        numbers, which are distinct. A row whose kind is :data:`HELD` may lack customer or time
    """
    create_transactions("staged_transaction")
    columns = TRANSACTION_COLUMNS if detailed else _PLAIN_COLUMNS
    return _fill("staged_transaction", columns, blocks)


def create_transactions(table: str) -> None:
    """Create an empty table for transactions under this name."""
    _empty(table, _TRANSACTIONS_DDL)


def are_detailed() -> bool:
    """Whether the staged transactions are detailed."""
    return db.row("SELECT line FROM staged_transaction LIMIT 1") not in (None, (None,))


def empty_summaries() -> None:
    """Remove the staged summaries."""
    _empty("staged_summary", _SUMMARIES_DDL)
    db.execute("DROP INDEX IF EXISTS staged_summary_key")


def staged_out_of_range() -> tuple[str, str] | None:
    """Customer and period of a staged summary that is too large to be stored, if there is one."""
    return db.row(
        "SELECT customer_id, period_key FROM staged_summary"
        " WHERE impressions > %s OR ABS(total_value) > %s LIMIT 1",
        (MAX_COUNT, MAX_AMOUNT * AMOUNT_SCALE),
    )


def has_periods_not_staged(tenant_id: int) -> bool:
    """Whether the tenant has summaries of periods without any staged summary."""
    return db.value(
        "SELECT EXISTS (SELECT 1 FROM interaction_summary WHERE tenant_id = %s"
        " AND period_key NOT IN (SELECT DISTINCT period_key FROM staged_summary))",
        (tenant_id,),
    )


def _empty(table: str, ddl: str) -> None:
    db.execute(ddl.format(table=table, c="" if db.is_sqlite() else 'COLLATE "C"'))
    db.execute(f"DELETE FROM {table}" if db.is_sqlite() else f"TRUNCATE {table}")


def _fill(table: str, columns: str, blocks: Iterable[db.Columns]) -> int:
    count = db.insert_columns(table, columns, blocks)
    analyze(table)
    return count
