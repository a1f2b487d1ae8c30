"""The sessions of the dashboard, so that signing out ends every copy of a cookie."""

from peewee import BigIntegerField, ForeignKeyField, Model, TextField


def up(migrator, db):
    class Table(Model):
        class Meta:
            database = db
            legacy_table_names = False

    class ApiKey(Table):
        pass

    class Session(Table):
        sha256 = TextField(primary_key=True)
        api_key = ForeignKeyField(ApiKey, on_delete="CASCADE")
        ends_ms = BigIntegerField()

    db.create_tables([Session])
