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


def test_a_statement_that_was_prepared_after_a_rollback_is_in_nobodys_way(app):
    one, two, three, four = (f"SELECT COUNT(*) + {n} FROM tenant" for n in range(4))
    with db.scope():
        for sql in (one, two):
            db.quick_row(sql)
        for _ in range(9):
            db.rows("SELECT COUNT(*) FROM run")
        with suppress(ZeroDivisionError), db.transaction():
            db.rows("SELECT COUNT(*) FROM run")
            raise ZeroDivisionError
        # A new one first, before it is noticed that the old ones are gone.
        for number, sql in ((2, three), (0, one), (1, two), (3, four)):
            assert db.quick_row(sql) == (number,)
