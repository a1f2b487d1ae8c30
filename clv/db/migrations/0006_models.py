"""The calibrated model: its settings, what a run found out about it, the model of each record, and
backtests."""

from peewee import (
    SQL,
    BigAutoField,
    BigIntegerField,
    ForeignKeyField,
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

    class Tenant(Table):
        pass

    class Backtest(Table):
        id = BigAutoField()
        backtest_id = Key(unique=True)
        tenant = ForeignKeyField(Tenant, on_delete="CASCADE", index=False)
        status = TextField()
        holdout_days = IntegerField(null=True)
        requested_by = TextField()
        created_ms = BigIntegerField()
        started_ms = BigIntegerField(null=True)
        finished_ms = BigIntegerField(null=True)
        deadline_ms = BigIntegerField()
        attempt = IntegerField()
        lease_ms = BigIntegerField()
        message = TextField(null=True)
        result = TextField(null=True)

        class Meta:
            indexes = ((("tenant_id", "id"), False),)

    Backtest.add_index(
        Backtest.index(
            Backtest.tenant,
            unique=True,
            name="backtest_one_active",
            where=SQL("status IN ('queued', 'running')"),
        )
    )
    db.create_tables([Backtest])
    for column in (
        "tenant ADD COLUMN model TEXT NOT NULL DEFAULT 'rfm'",
        "tenant ADD COLUMN churn_horizon_days INTEGER NOT NULL DEFAULT 90",
        "snapshot ADD COLUMN calibration TEXT",
        # A constant default rewrites no row.
        "clv_record ADD COLUMN model SMALLINT NOT NULL DEFAULT 0",
    ):
        db.execute_sql(f"ALTER TABLE {column}")
    if not on_sqlite:
        _cover_the_purchases(db)


def _cover_the_purchases(db):
    """Include the converts, as the first migration includes the rest. Without them, reading a range
    of buyers goes to the heap row by row."""
    db.execute_sql(
        "ALTER TABLE interaction_summary DROP CONSTRAINT interaction_summary_pkey,"
        " ADD PRIMARY KEY"
        " (tenant_id, customer_id, period_key, offer_id, creative_id, channel_id)"
        " INCLUDE (impressions, total_value, first_contact_ms, last_contact_ms, converts)"
    )
