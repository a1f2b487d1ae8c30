"""When another model began to predict a tenant's revenue or churn.

Tenants that exist keep their setting ``model``. A new one gets ``auto`` from the service, which
names every setting as it inserts a tenant, so that the column's default stays.
"""

from peewee import BigIntegerField, CompositeKey, ForeignKeyField, Model, TextField


def up(migrator, db):
    class Table(Model):
        class Meta:
            database = db
            legacy_table_names = False

    class Tenant(Table):
        pass

    class ModelChange(Table):
        tenant = ForeignKeyField(Tenant, on_delete="CASCADE", index=False)
        at_ms = BigIntegerField()
        prediction = TextField()
        from_model = TextField()
        to_model = TextField()
        reason = TextField()

        class Meta:
            primary_key = CompositeKey("tenant", "at_ms", "prediction")

    db.create_tables([ModelChange])
