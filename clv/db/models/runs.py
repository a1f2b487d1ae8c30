"""Runs with their shards, errors and totals, backtests, and maintenance."""

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
    """One batch. This row is the truth about it; Redis only has the doorbell and live progress.

    ``erasures`` counts the erasures of customers since the run began: a chunk that was read before
    one must not be written after it. ``plan_attempt`` is the fencing token of the planner, and
    ``plan_lease_ms`` the end of its lease, and later of the lease of the worker that ends the run.
    ``version`` is that of the schema which the planner knew; 0 before.
    """

    id = BigAutoField()
    job_id = TextField(unique=True)
    tenant = ForeignKeyField(Tenant, on_delete="CASCADE", index=False)
    segment = TextField(null=True)
    status = TextField()
    requested_by = TextField()
    created_ms = BigIntegerField()
    started_ms = BigIntegerField(null=True)
    # What its records bear as computed_ms; set in planning.
    as_of_ms = BigIntegerField(null=True)
    finished_ms = BigIntegerField(null=True)
    deadline_ms = BigIntegerField()
    snapshot_id = BigIntegerField(null=True)
    total = BigIntegerField(null=True)
    planned = BooleanField(default=False)
    plan_attempt = IntegerField(default=0)
    plan_lease_ms = BigIntegerField(default=0)
    erasures = IntegerField(default=0)
    message = TextField(null=True)
    # What its shards add up to: null until the run ends, and then they are deleted.
    computed = BigIntegerField(null=True)
    errors = BigIntegerField(null=True)
    # At-risk days that fit the tenant's data, computed in planning.
    suggested_days = IntegerField(null=True)
    # JSON: what the tenant's customers added up to at the end, for GET /clv/summary.
    overview = TextField(null=True)
    version = IntegerField(default=0)
    # Of an ended run: its number in the feed; null until a reader comes.
    feed_number = BigIntegerField(null=True)

    class Meta:
        indexes = ((("tenant_id", "id"), False),)


# The database itself makes sure that a tenant has at most one run of each, however many start at
# once.
Run.add_index(
    Run.index(Run.tenant, unique=True, name="run_one_running", where=SQL("status = 'running'"))
)
Run.add_index(
    Run.index(Run.tenant, unique=True, name="run_one_queued", where=SQL("status = 'queued'"))
)
Run.add_index(Run.index(Run.tenant, Run.feed_number, name="run_feed"))


class Shard(Table):
    """A range of a run's customer ids: after ``cursor`` up to ``until_key`` (null: no end).
    ``attempt`` is the fencing token of the worker that has claimed it until ``lease_ms``."""

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
    """A customer whom a run could not compute, and the reason."""

    run = ForeignKeyField(Run, on_delete="CASCADE", index=False)
    customer_id = TextField()
    message = TextField()

    class Meta:
        primary_key = CompositeKey("run", "customer_id")


class Backtest(Table):
    """A backtest of the prediction models on a tenant's own history. ``attempt`` is the fencing
    token of the worker that has claimed it until ``lease_ms``; ``result`` is JSON."""

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
    """All runs that ended with this status, added up. It stays when they are deleted."""

    status = TextField(primary_key=True)
    runs = BigIntegerField()
    computed = BigIntegerField()
    errors = BigIntegerField()
    duration_ms = BigIntegerField()


class Maintenance(Table):
    """One row: when maintenance last began by itself."""

    id = IntegerField(primary_key=True)
    begun_ms = BigIntegerField()
