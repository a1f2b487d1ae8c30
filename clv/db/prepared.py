"""The prepared statements of a connection to PostgreSQL, through psycopg's wrapper of libpq: a
cursor takes four times as long to do the same."""

from collections.abc import Sequence
from itertools import count

import psycopg
from psycopg.adapt import Transformer
from psycopg.errors import InvalidSqlStatementName, error_from_result
from psycopg.generators import execute
from psycopg.pq import ExecStatus, TransactionStatus
from psycopg.pq.abc import PGresult


class Prepared:
    """Statements that are prepared once and then only given their parameters; outside of
    transactions only, for one that has to be prepared again would end them."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection, self._pgconn = connection, connection.pgconn
        self._names: dict[str, bytes] = {}
        # A name is used once: what was prepared before it was noticed that others are gone, stays.
        self._numbers = count()
        self._transformer = Transformer(connection)

    @property
    def is_usable(self) -> bool:
        """Whether the connection is in no transaction."""
        return self._pgconn.transaction_status == TransactionStatus.IDLE

    def row(self, sql: str, params: Sequence[int | str]) -> tuple | None:
        """The first row of what a statement with ``%s`` parameters returns, if any.

        :raises psycopg.Error: as a cursor does
        """
        try:
            result = self._execute(sql, params)
        except InvalidSqlStatementName:
            # After a rollback psycopg gives up its own prepared statements, and ours with them
            # (DEALLOCATE ALL).
            self._names.clear()
            result = self._execute(sql, params)
        self._transformer.set_pgresult(result)
        return self._transformer.load_row(0, tuple) if result.ntuples else None

    def _execute(self, sql: str, params: Sequence[int | str]) -> PGresult:
        name = self._names.get(sql) or self._prepare(sql)
        self._pgconn.send_query_prepared(name, [str(value).encode() for value in params])
        return self._result(ExecStatus.TUPLES_OK)

    def _prepare(self, sql: str) -> bytes:
        name = b"clv_%d" % next(self._numbers)
        first, *others = sql.split("%s")
        numbered = first + "".join(f"${number}{part}" for number, part in enumerate(others, 1))
        self._pgconn.send_prepare(name, numbered.encode())
        self._result(ExecStatus.COMMAND_OK)
        self._names[sql] = name
        return name

    def _result(self, wanted: ExecStatus) -> PGresult:
        [result] = self._connection.wait(execute(self._pgconn))
        if result.status != wanted:
            raise error_from_result(result)
        return result
