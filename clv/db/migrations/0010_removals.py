"""Removals of customers, ended runs without their shards, and when maintenance was last done."""

from peewee import (
    BigIntegerField,
    BooleanField,
    CompositeKey,
    ForeignKeyField,
    IntegerField,
    Model,
    TextField,
)


def up(migrator, db):
    class Table(Model):
        class Meta:
            database = db
            legacy_table_names = False

    class Tenant(Table):
        pass

    class Removal(Table):
        tenant = ForeignKeyField(Tenant, on_delete="CASCADE", index=False)
        number = BigIntegerField()
        customer_hmac = TextField()
        erased = BooleanField()
        at_ms = BigIntegerField()

        class Meta:
            primary_key = CompositeKey("tenant", "number")

    class Maintenance(Table):
        id = IntegerField(primary_key=True)
        begun_ms = BigIntegerField()

    db.create_tables([Removal, Maintenance])
    for column in (
        "tenant ADD COLUMN removals BIGINT NOT NULL DEFAULT 0",
        "tenant ADD COLUMN removal_key TEXT",
        "snapshot ADD COLUMN removals BIGINT NOT NULL DEFAULT 0",
        "run ADD COLUMN computed BIGINT",
        "run ADD COLUMN errors BIGINT",
    ):
        db.execute_sql(f"ALTER TABLE {column}")
    ended = "status NOT IN ('queued', 'running')"
    sums = ", ".join(
        f"{name} = (SELECT CAST(COALESCE(SUM({name}), 0) AS BIGINT)"
        " FROM shard WHERE shard.run_id = run.id)"
        for name in ("computed", "errors")
    )
    db.execute_sql(f"UPDATE run SET {sums} WHERE {ended}")
    # Their bounds are ids of customers.
    db.execute_sql(f"DELETE FROM shard WHERE run_id IN (SELECT id FROM run WHERE {ended})")
