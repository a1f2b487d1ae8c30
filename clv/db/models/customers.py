"""Customers: their interaction summaries, records, histories and rankings."""

from peewee import (
    SQL,
    BigAutoField,
    BigIntegerField,
    BlobField,
    BooleanField,
    Check,
    CompositeKey,
    DoubleField,
    ForeignKeyField,
    IntegerField,
    SmallIntegerField,
    TextField,
)

from clv.db.models.tenants import Table, Tenant


class InteractionSummary(Table):
    """What one customer did in one period. The form of the period's key tells its type."""

    tenant_id = IntegerField()
    customer_id = TextField()
    period_key = TextField()
    offer_id = TextField(default="")
    creative_id = TextField(default="")
    channel_id = TextField(default="")
    impressions = BigIntegerField(constraints=[Check("impressions BETWEEN 0 AND 1000000000")])
    converts = BigIntegerField(constraints=[Check("converts BETWEEN 0 AND 1000000000")])
    total_value = BigIntegerField(
        constraints=[Check("total_value BETWEEN -10000000000000000 AND 10000000000000000")]
    )
    first_contact_ms = BigIntegerField()
    last_contact_ms = BigIntegerField()

    class Meta:
        primary_key = CompositeKey(
            "tenant_id", "customer_id", "period_key", "offer_id", "creative_id", "channel_id"
        )


class ClvRecord(Table):
    """The scores of one customer, as of ``computed_ms``."""

    tenant_id = IntegerField()
    customer_id = TextField()
    score = DoubleField()
    predicted_revenue = BigIntegerField()
    churn_probability = DoubleField()
    recency_days = IntegerField()
    frequency = BigIntegerField()
    monetary = BigIntegerField()
    segment = TextField()
    computed_ms = BigIntegerField()
    # The run that computed the record; null after a single computation.
    run_id = BigIntegerField(null=True)
    tenure_days = IntegerField(default=0)
    # Score and time of the customer's latest row in clv_change, and the segment until then.
    noted_score = DoubleField(null=True)
    noted_ms = BigIntegerField(null=True)
    noted_from = TextField(null=True)
    # The number of the prediction model, in ``clv.domain.scoring.MODELS``.
    model = SmallIntegerField(default=0)
    # Of a record computed singly: its number in the feed; null until a reader comes.
    feed_number = BigIntegerField(null=True)

    class Meta:
        primary_key = CompositeKey("tenant_id", "customer_id")


ClvRecord.add_index(
    ClvRecord.index(
        ClvRecord.tenant_id,
        ClvRecord.feed_number,
        ClvRecord.customer_id,
        name="clv_record_computed_singly",
        where=SQL("run_id IS NULL"),
    )
)


class ClvChange(Table):
    """A customer's scores at a time when the segment changed or the score had moved far."""

    at_ms = BigIntegerField()
    score = DoubleField()
    tenant_id = IntegerField()
    customer_id = TextField()
    segment = TextField()
    # Null in the first row of a customer who had no scores before.
    previous_segment = TextField(null=True)

    class Meta:
        primary_key = CompositeKey("tenant_id", "customer_id", "at_ms")
        indexes = ((("tenant_id", "at_ms", "customer_id"), False),)


ClvChange.add_index(
    ClvChange.index(
        ClvChange.tenant_id,
        ClvChange.segment,
        ClvChange.at_ms,
        ClvChange.customer_id,
        name="clv_change_of_segment",
        where=SQL("previous_segment IS NULL OR previous_segment <> segment"),
    )
)


class RevenuePeriod(Table):
    """What a tenant's customers brought in one period: sums of the summaries with this key.

    Each column adds up over customers and, but for those who bought, over periods. A customer
    counts in ``week_customers`` on the first day of a week on which they bought, so that the days
    of a week add up to its buyers; likewise in ``month_customers``. ``new_buyers`` never bought
    before. The revenue is ``value_high`` · 10^8 + ``value_low``: many amounts of up to 10^16 are
    more than a BIGINT holds.
    """

    tenant = ForeignKeyField(Tenant, on_delete="CASCADE", index=False)
    period_key = TextField()
    summaries = BigIntegerField()
    value_high = BigIntegerField()
    value_low = BigIntegerField()
    conversions = BigIntegerField()
    customers = BigIntegerField()
    week_customers = BigIntegerField()
    month_customers = BigIntegerField()
    new_buyers = BigIntegerField()

    class Meta:
        primary_key = CompositeKey("tenant", "period_key")


class Leaders(Table):
    """The first customers of one ranking of a tenant's records, as of the end of a run.

    ``customer_ids`` is JSON, ``last_value`` what the last of them is ranked by.
    """

    tenant_id = IntegerField()
    ranking = TextField()
    run_id = BigIntegerField()
    customer_ids = TextField()
    last_value = DoubleField()

    class Meta:
        primary_key = CompositeKey("tenant_id", "ranking")


class CohortSums(Table):
    """What a tenant's cohorts added up to at the end of the last full run, by month or by quarter.

    ``sums`` is JSON, with amounts as integers of 1/10,000.
    """

    tenant_id = IntegerField()
    granularity = TextField()
    # The tenant's latest removal before its summaries were read.
    removals = BigIntegerField()
    sums = TextField()

    class Meta:
        primary_key = CompositeKey("tenant_id", "granularity")


class Snapshot(Table):
    """A tenant's distribution, and the settings (JSON) with which its percentiles were computed."""

    id = BigAutoField()
    tenant = ForeignKeyField(Tenant, on_delete="CASCADE")
    tenant_customers = BigIntegerField()
    as_of_ms = BigIntegerField()
    customers = BigIntegerField()
    p25 = DoubleField()
    p75 = DoubleField()
    breakpoints = BlobField()
    settings = TextField()
    # JSON: what the last full run decided about the calibrated model; null before the first.
    calibration = TextField(null=True)
    # The tenant's latest removal when its customers were read.
    removals = BigIntegerField(default=0)


class Removal(Table):
    """A customer of whom nothing is stored any more. ``customer_hmac`` is the HMAC-SHA256 of the id
    in hexadecimal, under the tenant's ``removal_key``: who has the id can tell, the table can't.

    ``number`` counts a tenant's removals from 1, in the order of their commits, and is never used
    again.
    """

    tenant_id = IntegerField()
    number = BigIntegerField()
    customer_hmac = TextField()
    # By somebody who wants the customer forgotten: a file that was on its way must not bring it
    # back.
    erased = BooleanField()
    at_ms = BigIntegerField()

    class Meta:
        primary_key = CompositeKey("tenant_id", "number")


class Feed(Table):
    """How far the numbers of a tenant's feed go, since it was read for the first time.

    ``pruned`` is the highest number of a run that is deleted.
    """

    tenant = ForeignKeyField(Tenant, primary_key=True, on_delete="CASCADE")
    latest = BigIntegerField()
    pruned = BigIntegerField()
