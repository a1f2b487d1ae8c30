"""What lists, the overview and the history of scores need beside the records.

The records get no index on what they are sorted by. A batch rewrites every record in transactions
of 50, and each index costs them a random page a customer: with four, a batch of 200,000 customers
took 5 times as long on SQLite and 1.5 times on PostgreSQL. The leaders of each ranking are stored
instead.
"""

from peewee import (
    SQL,
    BigIntegerField,
    CompositeKey,
    DoubleField,
    IntegerField,
    Model,
    SqliteDatabase,
    TextField,
)


def up(migrator, db):
    on_sqlite = isinstance(db, SqliteDatabase)

    class Key(TextField):
        """Text sorted by bytes, as SQLite and Python sort it."""

        def ddl(self, ctx):
            column = super().ddl(ctx)
            if not on_sqlite:
                column.nodes += (SQL('COLLATE "C"'),)
            return column

    class Table(Model):
        class Meta:
            database = db
            legacy_table_names = False

    class ClvChange(Table):
        # The widest columns first: PostgreSQL aligns them, and there are many rows.
        at_ms = BigIntegerField()
        score = DoubleField()
        tenant_id = IntegerField()
        customer_id = Key()
        segment = TextField()
        previous_segment = TextField(null=True)

        class Meta:
            without_rowid = on_sqlite
            primary_key = CompositeKey("tenant_id", "customer_id", "at_ms")
            # All rows of a run have the same time: the customer gives them an order.
            indexes = ((("tenant_id", "at_ms", "customer_id"), False),)

    class Leaders(Table):
        tenant_id = IntegerField()
        ranking = Key()
        run_id = BigIntegerField()
        customer_ids = TextField()
        last_value = DoubleField()

        class Meta:
            primary_key = CompositeKey("tenant_id", "ranking")

    db.create_tables([ClvChange, Leaders])
    for column in (
        "tenant ADD COLUMN data_updated_ms BIGINT",
        "run ADD COLUMN suggested_days INTEGER",
        "run ADD COLUMN overview TEXT",
        "clv_record ADD COLUMN tenure_days INTEGER NOT NULL DEFAULT 0",
        "clv_record ADD COLUMN noted_score DOUBLE PRECISION",
        "clv_record ADD COLUMN noted_ms BIGINT",
        "clv_record ADD COLUMN noted_from TEXT",
    ):
        db.execute_sql(f"ALTER TABLE {column}")
    db.execute_sql(
        "CREATE INDEX clv_change_of_segment ON clv_change"
        " (tenant_id, segment, at_ms, customer_id)"
        " WHERE previous_segment IS NULL OR previous_segment <> segment"
    )
    db.execute_sql(
        "CREATE INDEX clv_record_computed_singly ON clv_record (tenant_id, customer_id)"
        " WHERE run_id IS NULL"
    )
