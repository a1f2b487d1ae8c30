"""The time as of which a run computes."""

from peewee import BigIntegerField
from playhouse.migrate import migrate


def up(migrator, db):
    migrate(migrator.add_column("run", "as_of_ms", BigIntegerField(null=True)))
