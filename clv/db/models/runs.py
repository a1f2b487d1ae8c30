"""Runs and backtests."""

from peewee import (
    SQL,
    BigAutoField,
    BigIntegerField,
    BooleanField,
    CompositeKey,
    ForeignKeyField,
    IntegerField,
    TextField,
)

from clv.db.models.tenants import Table, Tenant


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
