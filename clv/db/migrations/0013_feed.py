"""Numbers of what the feed of a tenant has, so that readers can go on where they were.

A file may remove a million customers: removals lose their foreign key, which takes as long as the
rows, and are clustered on SQLite.
"""

from peewee import (
    BigIntegerField,
    BooleanField,
    CompositeKey,
    ForeignKeyField,
    IntegerField,
    Model,
    SqliteDatabase,
    TextField,
)


def up(migrator, db):
    class Table(Model):
        class Meta:
            database = db
            legacy_table_names = False

    class Tenant(Table):
        pass

    class Feed(Table):
        tenant = ForeignKeyField(Tenant, primary_key=True, on_delete="CASCADE")
        latest = BigIntegerField()
        pruned = BigIntegerField()

    db.create_tables([Feed])
    for table in ("clv_record", "run"):
        db.execute_sql(f"ALTER TABLE {table} ADD COLUMN feed_number BIGINT")
    db.execute_sql("CREATE INDEX run_feed ON run (tenant_id, feed_number)")
    db.execute_sql("DROP INDEX clv_record_computed_singly")
    db.execute_sql(
        "CREATE INDEX clv_record_computed_singly"
        " ON clv_record (tenant_id, feed_number, customer_id) WHERE run_id IS NULL"
    )
    if not isinstance(db, SqliteDatabase):
        db.execute_sql("ALTER TABLE removal DROP CONSTRAINT removal_tenant_id_fkey")
        return

    class Removal(Table):
        tenant_id = IntegerField()
        number = BigIntegerField()
        customer_hmac = TextField()
        erased = BooleanField()
        at_ms = BigIntegerField()

        class Meta:
            without_rowid = True
            primary_key = CompositeKey("tenant_id", "number")

    db.execute_sql("ALTER TABLE removal RENAME TO removal_before")
    db.create_tables([Removal])
    columns = "tenant_id, number, customer_hmac, erased, at_ms"
    db.execute_sql(f"INSERT INTO removal ({columns}) SELECT {columns} FROM removal_before")
    db.execute_sql("DROP TABLE removal_before")
