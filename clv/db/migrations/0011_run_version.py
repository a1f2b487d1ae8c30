"""Which version of the service planned a run, so that an older one leaves it alone."""


def up(migrator, db):
    # A constant default rewrites no row.
    db.execute_sql("ALTER TABLE run ADD COLUMN version INTEGER NOT NULL DEFAULT 0")
