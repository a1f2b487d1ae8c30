"""The tables, as Peewee's models.

``clv/db/migrations`` creates them, with details that models can't express: key columns are COLLATE
"C" on PostgreSQL, so that both databases sort as Python does, and the large tables are clustered by
tenant and customer on SQLite (WITHOUT ROWID).

Times (``…_ms``) are integers of milliseconds since 1970 UTC, amounts integers of 1/10,000. The
large tables have no foreign keys, since checking one costs as much as the write itself: to delete a
tenant, delete its rows there as well (``clv.store.tenants.delete_tenant``).
"""

from clv.db.models.customers import (
    ClvChange,
    ClvRecord,
    CohortSums,
    Feed,
    InteractionSummary,
    Leaders,
    Removal,
    RevenuePeriod,
    Snapshot,
)
from clv.db.models.runs import Backtest, Maintenance, Run, RunError, RunTally, Shard
from clv.db.models.tenants import ApiKey, FileMapping, ModelChange, Secret, Session, Tenant

TABLES = (
    Tenant,
    ApiKey,
    Session,
    FileMapping,
    ModelChange,
    Secret,
    InteractionSummary,
    ClvRecord,
    ClvChange,
    RevenuePeriod,
    Leaders,
    CohortSums,
    Snapshot,
    Removal,
    Feed,
    Run,
    Shard,
    RunError,
    Backtest,
    RunTally,
    Maintenance,
)
