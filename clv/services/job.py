"""A run as its callers see it, with its progress at one moment. The API calls it a job."""

from collections.abc import Mapping
from dataclasses import dataclass

from clv.store.runs import Run

# The total is an estimate, so only the end of a run is 100 percent.
MAX_PERCENT_WHILE_ACTIVE = 99.9


@dataclass(frozen=True, slots=True)
class Job:
    """A run and its progress.

    :param segment: whose members are computed, or ``all``
    :param total: customers to compute, an estimate until the run has ended; None before planning
    :param message: why the run failed or was cancelled, or what it waits for
    """

    id: int
    job_id: str
    status: str
    is_active: bool
    segment: str
    total: int | None
    computed: int
    errors: int
    percent: float
    customers_per_second: float | None
    eta_seconds: float | None
    requested_by: str
    created_ms: int
    started_ms: int | None
    as_of_ms: int | None
    finished_ms: int | None
    message: str | None

    @property
    def success(self) -> bool:
        """Whether the run has processed everybody."""
        return self.status == "finished"

    @property
    def processed(self) -> int:
        """Customers computed, and customers that could not be computed."""
        return self.computed + self.errors


def job_of(
    run: Run, as_of_ms: int, live: Mapping[str, int] | None = None, message: str | None = None
) -> Job:
    """A run with its progress.

    :param live: the queue's counters of an active run, which are ahead of ``run``'s own
    :param message: used when the run has no message of its own
    """
    counters = live if live is not None and run.is_active else None
    computed = counters["computed"] if counters else run.computed
    errors = counters["errors"] if counters else run.errors
    rate = _customers_per_second(run, computed + errors, as_of_ms)
    return Job(
        id=run.id,
        job_id=run.job_id,
        status=run.status,
        is_active=run.is_active,
        segment=run.segment or "all",
        total=run.total,
        computed=computed,
        errors=errors,
        percent=_percent(run, computed + errors),
        customers_per_second=rate,
        eta_seconds=_eta_seconds(run, computed + errors, rate),
        requested_by=run.requested_by,
        created_ms=run.created_ms,
        started_ms=run.started_ms,
        as_of_ms=run.as_of_ms,
        finished_ms=run.finished_ms,
        message=run.message or message,
    )


def _percent(run: Run, processed: int) -> float:
    if run.status == "finished":
        return 100.0
    if not run.total:
        return 0.0
    return min(MAX_PERCENT_WHILE_ACTIVE, int(1000 * processed / run.total) / 10)


def _customers_per_second(run: Run, processed: int, as_of_ms: int) -> float | None:
    if run.started_ms is None or not processed:
        return None
    seconds = ((run.finished_ms or as_of_ms) - run.started_ms) / 1000
    return round(processed / seconds, 1) if seconds > 0 else None


def _eta_seconds(run: Run, processed: int, rate: float | None) -> float | None:
    if not run.is_active or not rate or run.total is None:
        return None
    return round(max(0, run.total - processed) / rate, 1)
