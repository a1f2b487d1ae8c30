"""The secret with which all processes sign what they give a browser to keep."""

from peewee import Model, TextField


def up(migrator, db):
    class Secret(Model):
        name = TextField(primary_key=True)
        value = TextField()

        class Meta:
            database = db
            legacy_table_names = False

    db.create_tables([Secret])
