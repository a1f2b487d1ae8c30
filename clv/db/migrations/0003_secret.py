"""The secret with which the processes sign what a browser keeps."""

from peewee import Model, TextField


def up(migrator, db):
    class Secret(Model):
        name = TextField(primary_key=True)
        value = TextField()

        class Meta:
            database = db
            legacy_table_names = False

    db.create_tables([Secret])
