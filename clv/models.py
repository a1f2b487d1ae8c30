"""The tables. ``clv/migrations`` creates them, with what Peewee can't say: key columns are
COLLATE "C" on PostgreSQL, so that Python and both databases order alike, and the two large tables
are clustered by (tenant, customer) on SQLite (WITHOUT ROWID).

Times are integers of milliseconds since 1970 UTC (``…_ms``), amounts integers of 1/10,000. The
two large tables have no foreign key: checking one costs as much as the write itself, and
whoever deletes a tenant deletes their rows in the same transaction.
"""

from peewee import (
    SQL,
    AutoField,
    BigAutoField,
    BigIntegerField,
    BlobField,
    BooleanField,
    Check,
    CompositeKey,
    DoubleField,
    ForeignKeyField,
    IntegerField,
    Model,
    SmallIntegerField,
    TextField,
)

from clv.db import database


class Table(Model):
    """Base of all tables."""

    class Meta:
        database = database
        legacy_table_names = False


class Tenant(Table):
    """One customer of the service, with the settings of its scores."""

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
    # The number of customers with summaries, kept by whatever writes summaries.
    customers = BigIntegerField(default=0)
    snapshot_id = BigIntegerField(null=True)
    snapshot_lease_ms = BigIntegerField(default=0)
    # When the nightly run was started last.
    nightly_ms = BigIntegerField()
    # When an upload or an erasure changed something last.
    data_updated_ms = BigIntegerField(null=True)
    model = TextField(default="rfm")
    churn_horizon_days = IntegerField(default=90)


class ApiKey(Table):
    """A key of one tenant and one role; of its secret only the SHA-256 is kept."""

    id = AutoField()
    public = TextField(unique=True)
    secret_sha256 = TextField()
    tenant = ForeignKeyField(Tenant, on_delete="CASCADE")
    role = TextField()
    label = TextField(default="")
    created_ms = BigIntegerField()
    expires_ms = BigIntegerField(null=True)
    revoked_ms = BigIntegerField(null=True)
    # True to a minute.
    last_used_ms = BigIntegerField(null=True)


class Secret(Table):
    """A random text that all processes share."""

    name = TextField(primary_key=True)
    value = TextField()


class InteractionSummary(Table):
    """What one customer did in one period; the form of the period's key tells its type."""

    tenant_id = IntegerField()
    customer_id = TextField()
    period_key = TextField()
    offer_id = TextField(default="")
    creative_id = TextField(default="")
    channel_id = TextField(default="")
    impressions = BigIntegerField(constraints=[Check("impressions BETWEEN 0 AND 1000000000")])
    converts = BigIntegerField(constraints=[Check("converts BETWEEN 0 AND 1000000000")])
    total_value = BigIntegerField(
        constraints=[Check("total_value BETWEEN -10000000000000 AND 10000000000000")]
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
    # The run that computed it; null after a single computation.
    run_id = BigIntegerField(null=True)
    tenure_days = IntegerField(default=0)
    # The score and the time of the customer's latest row in clv_change, and the segment until then.
    noted_score = DoubleField(null=True)
    noted_ms = BigIntegerField(null=True)
    noted_from = TextField(null=True)
    # The number of what predicted revenue and churn, of ``clv.scoring.MODELS``.
    model = SmallIntegerField(default=0)

    class Meta:
        primary_key = CompositeKey("tenant_id", "customer_id")


ClvRecord.add_index(
    ClvRecord.index(
        ClvRecord.tenant_id,
        ClvRecord.customer_id,
        name="clv_record_computed_singly",
        where=SQL("run_id IS NULL"),
    )
)


class ClvChange(Table):
    """A customer's scores when the segment changed, or when the score had moved far enough."""

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


class Leaders(Table):
    """The first customers of one ranking of a tenant's records, as of a run's end.

    ``customer_ids`` is a list in JSON, ``last_value`` what the last of them is ranked by.
    """

    tenant_id = IntegerField()
    ranking = TextField()
    run_id = BigIntegerField()
    customer_ids = TextField()
    last_value = DoubleField()

    class Meta:
        primary_key = CompositeKey("tenant_id", "ranking")


class Snapshot(Table):
    """A tenant's distribution, and the settings (JSON) that its percentiles were made with."""

    id = BigAutoField()
    tenant = ForeignKeyField(Tenant, on_delete="CASCADE")
    tenant_customers = BigIntegerField()
    as_of_ms = BigIntegerField()
    customers = BigIntegerField()
    p25 = DoubleField()
    p75 = DoubleField()
    breakpoints = BlobField()
    settings = TextField()
    # JSON: what the last full run found out about the calibrated model; null before the first.
    calibration = TextField(null=True)


class Run(Table):
    """A batch: the durable truth about it; Redis only rings and shows the live progress.

    ``erasures`` counts the removals of customers since the run began: a chunk that was read
    before one must not be written after it. ``plan_attempt`` is the planner's fencing token;
    the lease is also that of whoever ends the run.
    """

    id = BigAutoField()
    job_id = TextField(unique=True)
    tenant = ForeignKeyField(Tenant, on_delete="CASCADE", index=False)
    segment = TextField(null=True)
    status = TextField()
    requested_by = TextField()
    created_ms = BigIntegerField()
    started_ms = BigIntegerField(null=True)
    finished_ms = BigIntegerField(null=True)
    deadline_ms = BigIntegerField()
    snapshot_id = BigIntegerField(null=True)
    total = BigIntegerField(null=True)
    planned = BooleanField(default=False)
    plan_attempt = IntegerField(default=0)
    plan_lease_ms = BigIntegerField(default=0)
    erasures = IntegerField(default=0)
    message = TextField(null=True)
    # At-risk days that fit the tenant's data, found with the plan.
    suggested_days = IntegerField(null=True)
    # JSON: the tenant's customers at the run's end, as GET /clv/summary shows them.
    overview = TextField(null=True)

    class Meta:
        indexes = ((("tenant_id", "id"), False),)


# At most one of each a tenant is a fact of the database, whoever asks at the same time.
Run.add_index(
    Run.index(Run.tenant, unique=True, name="run_one_running", where=SQL("status = 'running'"))
)
Run.add_index(
    Run.index(Run.tenant, unique=True, name="run_one_queued", where=SQL("status = 'queued'"))
)


class Shard(Table):
    """A contiguous range of a run's customer ids: above ``cursor``, up to ``until_key`` (null: no
    end). ``attempt`` is the fencing token of whoever claimed it until ``lease_ms``."""

    id = BigAutoField()
    run = ForeignKeyField(Run, on_delete="CASCADE")
    cursor = TextField()
    until_key = TextField(null=True)
    done = BooleanField(default=False)
    computed = BigIntegerField(default=0)
    errors = BigIntegerField(default=0)
    attempt = IntegerField(default=0)
    lease_ms = BigIntegerField(default=0)
    stuck = IntegerField(default=0)


class RunError(Table):
    """A customer that a run could not compute, and why."""

    run = ForeignKeyField(Run, on_delete="CASCADE", index=False)
    customer_id = TextField()
    message = TextField()

    class Meta:
        primary_key = CompositeKey("run", "customer_id")


class Backtest(Table):
    """A backtest of the models on a tenant's own history. ``attempt`` is the fencing token of
    whoever works on it until ``lease_ms``; ``result`` is JSON."""

    id = BigAutoField()
    backtest_id = TextField(unique=True)
    tenant = ForeignKeyField(Tenant, on_delete="CASCADE", index=False)
    status = TextField()
    holdout_days = IntegerField(null=True)
    requested_by = TextField()
    created_ms = BigIntegerField()
    started_ms = BigIntegerField(null=True)
    finished_ms = BigIntegerField(null=True)
    deadline_ms = BigIntegerField()
    attempt = IntegerField(default=0)
    lease_ms = BigIntegerField(default=0)
    message = TextField(null=True)
    result = TextField(null=True)

    class Meta:
        indexes = ((("tenant_id", "id"), False),)


Backtest.add_index(
    Backtest.index(
        Backtest.tenant,
        unique=True,
        name="backtest_one_active",
        where=SQL("status IN ('queued', 'running')"),
    )
)


class RunTally(Table):
    """What all runs have done that ended with this status; it outlives them."""

    status = TextField(primary_key=True)
    runs = BigIntegerField()
    computed = BigIntegerField()
    errors = BigIntegerField()
    duration_ms = BigIntegerField()


TABLES = (
    Tenant,
    ApiKey,
    Secret,
    InteractionSummary,
    ClvRecord,
    ClvChange,
    Leaders,
    Snapshot,
    Run,
    Shard,
    RunError,
    Backtest,
    RunTally,
)
