"""Statements that are prepared once a connection."""

from contextlib import suppress

from clv import db


def test_a_prepared_statement_survives_a_rollback(app):
    with db.scope():
        assert db.quick_row("SELECT COUNT(*) FROM tenant") == (0,)
        # So often that psycopg prepares it, too; after a rollback it gives all up.
        for _ in range(9):
            db.rows("SELECT COUNT(*) FROM run")
        with suppress(ZeroDivisionError), db.transaction():
            db.rows("SELECT COUNT(*) FROM run")
            raise ZeroDivisionError
        with db.transaction():
            assert db.quick_row("SELECT COUNT(*) FROM tenant") == (0,)
        assert db.quick_row("SELECT COUNT(*) FROM tenant") == (0,)
