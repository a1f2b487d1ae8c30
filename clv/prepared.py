"""The prepared statements of a connection to PostgreSQL, through psycopg's libpq wrapper: a cursor
takes three times as long as the database does to answer."""

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg.adapt import Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGresult


class Prepared:
    """Statements that are prepared once and then only given their parameters."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._pgconn = connection.pgconn
        self._names: dict[str, bytes] = {}
        self._transformer = Transformer(connection)

    @classmethod
    def of(cls, connection: Any) -> "Prepared":
        """Those of this connection, which remembers them."""
        try:
            return connection.clv_prepared
        except AttributeError:
            connection.clv_prepared = cls(connection)
            return connection.clv_prepared

    def row(self, sql: str, params: Sequence[int | str]) -> tuple | None:
        """The first row of what a statement with ``%s`` parameters returns, if any.

        :raises psycopg.Error: as a cursor does
        """
        name = self._names.get(sql) or self._prepare(sql)
        result = self._pgconn.exec_prepared(name, [str(value).encode() for value in params])
        self._check(result, ExecStatus.TUPLES_OK)
        self._transformer.set_pgresult(result)
        return self._transformer.load_row(0, tuple) if result.ntuples else None

    def _prepare(self, sql: str) -> bytes:
        name = b"clv_%d" % len(self._names)
        first, *others = sql.split("%s")
        numbered = first + "".join(f"${number}{part}" for number, part in enumerate(others, 1))
        self._check(self._pgconn.prepare(name, numbered.encode()), ExecStatus.COMMAND_OK)
        self._names[sql] = name
        return name

    def _check(self, result: PGresult, wanted: ExecStatus) -> None:
        if self._pgconn.status != ConnStatus.OK:
            raise psycopg.OperationalError("The connection is lost.")
        if result.status != wanted:
            raise error_from_result(result)
