"""All ended runs added up by status. It stays when a tenant is deleted with its runs."""

from peewee import BigIntegerField, Model, TextField


def up(migrator, db):
    class RunTally(Model):
        status = TextField(primary_key=True)
        runs = BigIntegerField()
        computed = BigIntegerField()
        errors = BigIntegerField()
        duration_ms = BigIntegerField()

        class Meta:
            database = db
            legacy_table_names = False

    db.create_tables([RunTally])
