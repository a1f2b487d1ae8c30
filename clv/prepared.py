"""The prepared statements of a connection to PostgreSQL, through psycopg's libpq wrapper: a cursor
takes three times as long as the database does to answer."""

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg.adapt import Transformer
from psycopg.pq import ExecStatus


class Unusual(Exception):
    """The statement did not simply return rows; asked the usual way, it will be told why."""


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

        :raises Unusual: when it failed
        """
        name = self._names.get(sql) or self._prepare(sql)
        result = self._pgconn.exec_prepared(name, [str(value).encode() for value in params])
        if result.status != ExecStatus.TUPLES_OK:
            raise Unusual
        self._transformer.set_pgresult(result)
        return self._transformer.load_row(0, tuple) if result.ntuples else None

    def _prepare(self, sql: str) -> bytes:
        name = b"clv_%d" % len(self._names)
        first, *others = sql.split("%s")
        numbered = first + "".join(f"${number}{part}" for number, part in enumerate(others, 1))
        if self._pgconn.prepare(name, numbered.encode()).status != ExecStatus.COMMAND_OK:
            raise Unusual
        self._names[sql] = name
        return name
