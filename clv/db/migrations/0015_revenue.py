"""What a tenant's customers brought in each period, and as of which data that is kept."""

from peewee import (
    SQL,
    BigIntegerField,
    CompositeKey,
    ForeignKeyField,
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

    class RevenuePeriod(Table):
        tenant = ForeignKeyField(Tenant, on_delete="CASCADE", index=False)
        period_key = Key()
        summaries = BigIntegerField()
        value_high = BigIntegerField()
        value_low = BigIntegerField()
        conversions = BigIntegerField()
        customers = BigIntegerField()
        week_customers = BigIntegerField()
        month_customers = BigIntegerField()
        new_buyers = BigIntegerField()

        class Meta:
            without_rowid = on_sqlite
            primary_key = CompositeKey("tenant", "period_key")

    db.create_tables([RevenuePeriod])
    # Null: the first who asks for the revenue of a tenant with data adds it up.
    db.execute_sql("ALTER TABLE tenant ADD COLUMN revenue_ms BIGINT")
