"""The tables. ``clv/db/migrations`` creates them, with what Peewee can't say: key columns are
COLLATE "C" on PostgreSQL, so that Python and both databases order alike, and the two large tables
are clustered by (tenant, customer) on SQLite (WITHOUT ROWID).

Times are integers of milliseconds since 1970 UTC (``…_ms``), amounts integers of 1/10,000. The
two large tables have no foreign key: checking one costs as much as the write itself, and
whoever deletes a tenant deletes their rows in the same transaction.
"""

from clv.db.models.customers import ClvChange, ClvRecord, InteractionSummary, Leaders, Snapshot
from clv.db.models.runs import Backtest, Run, RunError, RunTally, Shard
from clv.db.models.tenants import ApiKey, Secret, Tenant

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
