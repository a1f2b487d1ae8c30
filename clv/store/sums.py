"""Sums of amounts that may pass the largest BIGINT: 1,000 amounts of 10^12 do, in 1/10,000."""

from clv import db
from clv.domain.units import MAX_STORED_INTEGER
from clv.errors import Invalid

_PART = 1_000_000
# The sum of absolute amounts, which no partial sum passes, and as a float, which never overflows.
_ABSOLUTE = "SUM(ABS(CAST(amount AS DOUBLE PRECISION)))"
_LARGEST = 0.99 * MAX_STORED_INTEGER


def sum_parts(column: str) -> tuple[str, str]:
    """Two aggregates from which :func:`total` makes the exact sum of a column: SQLite's own SUM
    fails when it passes the largest BIGINT."""
    high = f"{column} / {_PART}"
    # Not %, which psycopg takes for a parameter.
    low = f"{column} - {high} * {_PART}"
    return f"COALESCE(SUM({high}), 0)", f"COALESCE(SUM({low}), 0)"


def total(high: int, low: int) -> int:
    """The sum from the values of the two."""
    # PostgreSQL's are decimals.
    return int(high) * _PART + int(low)


def refuse_large_sums(key: str, condition: str, message: str) -> None:
    """Check that no sum of staged amounts passes the largest BIGINT.

    :param key: the columns or expressions by which amounts are added up
    :param condition: of the rows that are
    :param message: with a place, such as ``{0}``, for each column of the key
    :raises Invalid: with this message when one does
    """
    # Most often the sum of all is small enough.
    if db.value(f"SELECT COALESCE({_ABSOLUTE}, 0) FROM staged_transaction") <= _LARGEST:
        return
    too_large = db.row(
        f"SELECT {key} FROM staged_transaction WHERE {condition} GROUP BY {key}"
        f" HAVING {_ABSOLUTE} > %s LIMIT 1",
        (_LARGEST,),
    )
    if too_large:
        raise Invalid(message.format(*too_large))
