"""What our run is measured against: one set-based SQL statement that does the same work, and our
own pipeline with its writing done by Peewee's insert_many."""

from peewee import EXCLUDED

from clv import db
from clv.db.clock import now_sql
from clv.db.dialect import row_lock
from clv.db.models import ClvRecord
from clv.domain.formulas import CHURN_STEEPNESS
from clv.domain.settings import ScoreSettings
from clv.domain.units import DAY_MS, MONTH_DAYS_DENOMINATOR, MONTH_DAYS_NUMERATOR
from clv.store.records import COLUMNS, values
from clv.store.runs import Run
from clv.store.shards import Chunk, Shard

# Against exact ranks the snapshot's breakpoints may move a score by this much.
SCORE_TOLERANCE = 0.1
_VALUES = [*COLUMNS.split(", ")[1:], "run_id"]
# Both functions of a dimension share one window, so that each dimension is sorted once.
_STATEMENT = """
INSERT INTO clv_record ({columns})
WITH totals AS MATERIALIZED (
    SELECT customer_id, CAST(SUM(impressions) AS BIGINT) AS f,
        CAST(SUM(total_value) AS BIGINT) AS m, MIN(first_contact_ms) / {day_ms} AS first_day,
        {least}(MAX(last_contact_ms), {as_of}) / {day_ms} AS day
    FROM interaction_summary WHERE tenant_id = {tenant} GROUP BY customer_id
), size AS (SELECT COUNT(*) AS n FROM totals
), ranked AS (
    SELECT totals.*, n,
        RANK() OVER r - 1 AS r_below, {equal_r} AS r_equal,
        RANK() OVER f - 1 AS f_below, {equal_f} AS f_equal,
        RANK() OVER m - 1 AS m_below, {equal_m} AS m_equal
    FROM totals CROSS JOIN size
    WINDOW r AS (ORDER BY day), f AS (ORDER BY f), m AS (ORDER BY {greatest}(m, 0))
), scored AS MATERIALIZED (
    SELECT customer_id, f, m, n, {as_of} / {day_ms} - day AS recency,
        {as_of} / {day_ms} - first_day AS tenure,
        100 * ({wr} * COALESCE(r_below * 1.0e0 / NULLIF(n - r_equal, 0), 0.5)
            + {wf} * COALESCE(f_below * 1.0e0 / NULLIF(n - f_equal, 0), 0.5)
            + {wm} * COALESCE(m_below * 1.0e0 / NULLIF(n - m_equal, 0), 0.5)) AS s
    FROM ranked
), thresholds AS ({thresholds})
SELECT {tenant}, customer_id, s,
    {greatest}(m, 0) * {lifespan} / {greatest}(tenure * {month_scale}, {shortest}),
    1 / (1 + EXP(-{steepness} * (recency - {at_risk}) / {at_risk})), recency, f, m,
    CASE WHEN recency >= {at_risk} AND f > 0 THEN 'at_risk' WHEN s >= p75 AND s > p25 THEN 'high'
        WHEN s >= p25 THEN 'medium' ELSE 'low' END,
    {as_of}, tenure, 0, NULL
FROM scored CROSS JOIN thresholds WHERE true
ON CONFLICT (tenant_id, customer_id) DO UPDATE SET {assignments}
WHERE clv_record.computed_ms <= excluded.computed_ms
"""
# Linear interpolation: each score weighs as much as its rank is close to the percentile's.
_SQLITE_THRESHOLDS = """
    SELECT SUM(s * MAX(0, 1 - ABS(place - 0.25 * (n - 1)))) AS p25,
        SUM(s * MAX(0, 1 - ABS(place - 0.75 * (n - 1)))) AS p75
    FROM (SELECT s, n, ROW_NUMBER() OVER (ORDER BY s) - 1 AS place FROM scored) ordered"""
_POSTGRESQL_THRESHOLDS = """
    SELECT PERCENTILE_CONT(0.25) WITHIN GROUP (ORDER BY s) AS p25,
        PERCENTILE_CONT(0.75) WITHIN GROUP (ORDER BY s) AS p75 FROM scored"""


def run_statement(tenant_id: int, settings: ScoreSettings, as_of_ms: int) -> int:
    """Compute all customers of a tenant in one statement; returns their number."""
    on_sqlite = db.is_sqlite()
    equal = "ROUND(CUME_DIST() OVER {0} * n) - (RANK() OVER {0} - 1)"
    sql = _STATEMENT.format(
        columns=f"tenant_id, {COLUMNS}, run_id",
        assignments=", ".join(f"{name} = excluded.{name}" for name in _VALUES),
        least="MIN" if on_sqlite else "LEAST",
        greatest="MAX" if on_sqlite else "GREATEST",
        thresholds=_SQLITE_THRESHOLDS if on_sqlite else _POSTGRESQL_THRESHOLDS,
        **{f"equal_{window}": equal.format(window) for window in "rfm"},
        **dict(zip(("wr", "wf", "wm"), map("{:.17e}".format, settings.weights), strict=True)),
        day_ms=DAY_MS,
        as_of=as_of_ms,
        tenant=tenant_id,
        steepness=f"{CHURN_STEEPNESS:.17e}",
        at_risk=settings.at_risk_days,
        lifespan=settings.lifespan_months * MONTH_DAYS_NUMERATOR,
        month_scale=MONTH_DAYS_DENOMINATOR,
        shortest=settings.min_tenure_months * MONTH_DAYS_NUMERATOR,
    )
    with db.transaction():
        return db.execute(sql)


def commit_with_insert_many(run: Run, shard: Shard, cursor: str, chunk: Chunk) -> bool:
    """In the place of ``runs.commit_chunk``: the same transaction, written as Peewee offers."""
    with db.transaction():
        unchanged = db.rows(
            "SELECT 1 FROM run WHERE id = %s AND status = 'running' AND erasures = %s"
            + row_lock("SHARE"),
            (run.id, run.erasures),
        )
        advanced = unchanged and db.execute(
            f"UPDATE shard SET cursor = %s, done = %s, computed = computed + %s,"
            f" lease_ms = {now_sql()} + %s, stuck = 0"
            " WHERE id = %s AND attempt = %s AND cursor = %s AND NOT done",
            (
                *(chunk.cursor, chunk.done, len(chunk.scores), shard.lease_ms),
                *(shard.id, shard.attempt, cursor),
            ),
        )
        if not advanced:
            return False
        _insert_many(run, chunk)
    return True


def _insert_many(run: Run, chunk: Chunk) -> None:
    names = COLUMNS.split(", ")
    rows = [
        {**dict(zip(names, values(scores), strict=True)), "tenant_id": run.tenant_id}
        | {"run_id": run.id}
        for scores in chunk.scores
    ]
    if rows:
        ClvRecord.insert_many(rows).on_conflict(
            conflict_target=[ClvRecord.tenant_id, ClvRecord.customer_id],
            update={name: getattr(EXCLUDED, name) for name in _VALUES},
            where=ClvRecord.computed_ms <= EXCLUDED.computed_ms,
        ).execute()


def keep_records() -> None:
    """Put the records aside for :func:`differences`."""
    db.execute("DROP TABLE IF EXISTS bench_kept")
    db.execute("CREATE TABLE bench_kept AS SELECT * FROM clv_record")
    db.execute("CREATE INDEX bench_kept_key ON bench_kept (tenant_id, customer_id)")


def differences(tenant_id: int) -> tuple[int, float]:
    """How many of the records kept aside differ from the present ones, but for scores that are
    within the tolerance and segments of scores that near a threshold; and the largest difference
    of a score. The records kept aside are dropped."""
    p25, p75 = db.rows(
        "SELECT p25, p75 FROM snapshot WHERE id = (SELECT snapshot_id FROM tenant WHERE id = %s)",
        (tenant_id,),
    )[0]
    near = " OR ".join(f"ABS(k.score - ({p!r})) <= {SCORE_TOLERANCE}" for p in (p25, p75))
    differ, largest = db.rows(
        "SELECT SUM(CASE WHEN r.customer_id IS NOT NULL AND ABS(r.score - k.score) <= %s"
        " AND r.predicted_revenue = k.predicted_revenue"
        " AND ABS(r.churn_probability - k.churn_probability) < 1e-9"
        " AND r.recency_days = k.recency_days AND r.frequency = k.frequency"
        " AND r.monetary = k.monetary AND r.computed_ms = k.computed_ms"
        f" AND (r.segment = k.segment OR {near}) THEN 0 ELSE 1 END), MAX(ABS(r.score - k.score))"
        " FROM bench_kept k LEFT JOIN clv_record r"
        " ON r.tenant_id = k.tenant_id AND r.customer_id = k.customer_id",
        (SCORE_TOLERANCE,),
    )[0]
    db.execute("DROP TABLE bench_kept")
    return int(differ), float(largest)
