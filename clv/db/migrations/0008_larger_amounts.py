"""Amounts of up to 10^12 a row instead of 10^9: in some currencies a large order is a billion."""

from peewee import SqliteDatabase

TABLE = "interaction_summary"
OLD, NEW = "10000000000000", "10000000000000000"


def up(migrator, db):
    if isinstance(db, SqliteDatabase):
        _replace_text_of_check(db)
        return
    name = f"{TABLE}_total_value_check"
    db.execute_sql(
        f"ALTER TABLE {TABLE} DROP CONSTRAINT {name},"
        f" ADD CONSTRAINT {name} CHECK (total_value BETWEEN -{NEW} AND {NEW})"
    )


def _replace_text_of_check(db):
    """Change the CREATE TABLE statement alone, without copying the table: the way of
    https://www.sqlite.org/lang_altertable.html (section 7) where the rows stay as they are."""
    (version,) = db.execute_sql("PRAGMA schema_version").fetchone()
    db.execute_sql("PRAGMA writable_schema = ON")
    db.execute_sql(
        "UPDATE sqlite_master SET sql = replace(sql, ?, ?) WHERE type = 'table' AND name = ?",
        (f"BETWEEN -{OLD} AND {OLD}", f"BETWEEN -{NEW} AND {NEW}", TABLE),
    )
    # Makes every connection, this one too, read the statement again.
    db.execute_sql(f"PRAGMA schema_version = {version + 1}")
    db.execute_sql("PRAGMA writable_schema = RESET")
