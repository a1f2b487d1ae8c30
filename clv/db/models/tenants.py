"""Tenants, their keys and sessions, what their files are read by, and the service's secrets."""

from peewee import (
    AutoField,
    BigIntegerField,
    CompositeKey,
    DoubleField,
    ForeignKeyField,
    IntegerField,
    Model,
    TextField,
)

from clv.db.connections import database


class Table(Model):
    """Base of all tables."""

    class Meta:
        database = database
        legacy_table_names = False


class Tenant(Table):
    """An organization that uses the service, with the settings of its scores."""

    id = AutoField()
    name = TextField(unique=True)
    created_ms = BigIntegerField()
    weight_recency = DoubleField()
    weight_frequency = DoubleField()
    weight_monetary = DoubleField()
    at_risk_days = IntegerField()
    lifespan_months = IntegerField()
    min_tenure_months = IntegerField()
    currency = TextField()
    # daily, weekly, monthly or alltime: all of a tenant's summaries are of one type.
    period_type = TextField(null=True)
    # The number of customers with summaries; whatever writes summaries updates it.
    customers = BigIntegerField(default=0)
    snapshot_id = BigIntegerField(null=True)
    snapshot_lease_ms = BigIntegerField(default=0)
    # When the nightly run was last started.
    nightly_ms = BigIntegerField()
    # When an upload or an erasure last changed something.
    data_updated_ms = BigIntegerField(null=True)
    model = TextField()
    churn_horizon_days = IntegerField(default=90)
    time_zone = TextField(default="UTC")
    # The time zone when the first of the stored summaries came: their days are days of this zone.
    days_time_zone = TextField(default="UTC")
    # The number of the latest removal of a customer.
    removals = BigIntegerField(default=0)
    # 32 random bytes in hexadecimal, created with the first removal.
    removal_key = TextField(null=True)
    # The ``data_updated_ms`` (0 for null) of the data that ``revenue_period`` adds up. It is behind
    # after a version that did not keep the sums has changed the data: then they are made anew.
    revenue_ms = BigIntegerField(null=True)
    # Share of the revenue that is margin, and what a new customer costs, in 1/10,000.
    gross_margin = DoubleField(default=1.0)
    acquisition_cost = BigIntegerField(null=True)


class ApiKey(Table):
    """A key of one tenant with one role. Only the SHA-256 of its secret is stored."""

    id = AutoField()
    public = TextField(unique=True)
    secret_sha256 = TextField()
    tenant = ForeignKeyField(Tenant, on_delete="CASCADE")
    role = TextField()
    label = TextField(default="")
    created_ms = BigIntegerField()
    expires_ms = BigIntegerField(null=True)
    revoked_ms = BigIntegerField(null=True)
    # Accurate to a minute.
    last_used_ms = BigIntegerField(null=True)


class Session(Table):
    """A browser that has signed in to the dashboard with a key."""

    # Of its random id, which only the browser has.
    sha256 = TextField(primary_key=True)
    api_key = ForeignKeyField(ApiKey, on_delete="CASCADE")
    ends_ms = BigIntegerField()


class FileMapping(Table):
    """The choices that a tenant's last file with a header was read by."""

    tenant = ForeignKeyField(Tenant, on_delete="CASCADE", index=False)
    # Of the names of its columns.
    header_sha256 = TextField()
    # JSON.
    choices = TextField()
    used_ms = BigIntegerField()

    class Meta:
        primary_key = CompositeKey("tenant", "header_sha256")


class ModelChange(Table):
    """When another model began to predict a tenant's revenue or churn, and why."""

    tenant = ForeignKeyField(Tenant, on_delete="CASCADE", index=False)
    at_ms = BigIntegerField()
    # revenue or churn.
    prediction = TextField()
    from_model = TextField()
    to_model = TextField()
    reason = TextField()

    class Meta:
        primary_key = CompositeKey("tenant", "at_ms", "prediction")


class Secret(Table):
    """A random text that all processes of the service share."""

    name = TextField(primary_key=True)
    value = TextField()
