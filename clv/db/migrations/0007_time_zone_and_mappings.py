"""The time zone of a tenant's calendar days, and what a file with each header was last read by."""

from peewee import BigIntegerField, CompositeKey, ForeignKeyField, Model, TextField


def up(migrator, db):
    class Table(Model):
        class Meta:
            database = db
            legacy_table_names = False

    class Tenant(Table):
        pass

    class FileMapping(Table):
        tenant = ForeignKeyField(Tenant, on_delete="CASCADE", index=False)
        header_sha256 = TextField()
        choices = TextField()
        used_ms = BigIntegerField()

        class Meta:
            primary_key = CompositeKey("tenant", "header_sha256")

    db.execute_sql("ALTER TABLE tenant ADD COLUMN time_zone TEXT NOT NULL DEFAULT 'UTC'")
    # What is stored by now are days of UTC.
    db.execute_sql("ALTER TABLE tenant ADD COLUMN days_time_zone TEXT NOT NULL DEFAULT 'UTC'")
    db.create_tables([FileMapping])
