"""What a tenant's cohorts added up to, and the settings by which they are paid back."""

from peewee import BigIntegerField, CompositeKey, IntegerField, Model, SqliteDatabase, TextField


def up(migrator, db):
    class Table(Model):
        class Meta:
            database = db
            legacy_table_names = False

    class CohortSums(Table):
        tenant_id = IntegerField()
        granularity = TextField()
        removals = BigIntegerField()
        sums = TextField()

        class Meta:
            primary_key = CompositeKey("tenant_id", "granularity")

    db.create_tables([CohortSums])
    real = "REAL" if isinstance(db, SqliteDatabase) else "DOUBLE PRECISION"
    db.execute_sql(f"ALTER TABLE tenant ADD COLUMN gross_margin {real} NOT NULL DEFAULT 1")
    db.execute_sql("ALTER TABLE tenant ADD COLUMN acquisition_cost BIGINT")
