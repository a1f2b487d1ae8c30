"""Numbers of what the feed of a tenant has, so that readers can go on where they were."""

from peewee import BigIntegerField, ForeignKeyField, Model


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
