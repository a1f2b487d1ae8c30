"""What RQ Dashboard shows of a doorbell: which run it is about, and how far that was when the
doorbell began and when it ended.

RQ Dashboard does not escape these texts, so they have a fixed form: a tenant's name is shown only
if it is one that the service gives (letters, digits, hyphens), and nothing is a customer's.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from redis.exceptions import RedisError
from rq import get_current_job
from rq.job import Job as RqJob

from clv import db
from clv.domain import values
from clv.errors import NotFound
from clv.services import runs
from clv.services.job import Job
from clv.store.tenants import Tenant

# A run's last doorbell has its result for this long. The others are gone after a minute.
ENDED_TTL_SECONDS = 3_600


@dataclass
class Outcome:
    """What came of a run.

    :param result: None while it goes on, or if there is none
    """

    result: dict[str, Any] | None = None


@contextmanager
def shown(tenant_id: int) -> Iterator[Outcome]:
    """Show the run that the tenant has now with the current job of RQ, at the beginning and at the
    end of the context. After a failure within it, what was shown at the beginning stays."""
    outcome = Outcome()
    began = runs.active_of_tenant(tenant_id)
    if began is not None:
        tenant, before = began
        _show(describe(tenant, before), _meta(tenant, before))
    yield outcome
    if began is not None:
        # The work is done, and its doorbell must not fail for what is only shown.
        with suppress(NotFound), db.tolerated():
            after = runs.as_stored(before.id)
            _show_end(describe(tenant, after, before), _meta(tenant, before, after), after, outcome)


def describe(tenant: Tenant, now: Job, before: Job | None = None) -> str:
    """A run in one line.

    ``acme, all: 12,000 of 20,000 (60 %), job 408457d0-…``, and at the end of a doorbell
    ``acme, all: 12,000 to 15,000 of 20,000 (75 %), job 408457d0-…``. A longer line would not fit
    into the table of jobs.

    :param before: the run as it was when the doorbell began
    """
    if now.total is None:
        done = "not planned yet"
    else:
        done = f"{now.processed:,} of {now.total:,} ({now.percent:g} %)"
        if before is not None and before.processed != now.processed:
            done = f"{before.processed:,} to {done}"
    ended = "" if now.is_active else f", {now.status}"
    return f"{_name(tenant)}, {now.segment}: {done}{ended}, job {now.job_id}"


def _meta(tenant: Tenant, start: Job, end: Job | None = None) -> dict[str, Any]:
    """The same for programs."""
    return {
        "job_id": start.job_id,
        "tenant": _name(tenant),
        "segment": start.segment,
        "start": _progress(start),
        **({} if end is None else {"end": _progress(end)}),
    }


def _progress(run: Job) -> dict[str, Any]:
    return {
        "status": run.status,
        "processed": run.processed,
        "total": run.total,
        "percent": run.percent,
    }


def _name(tenant: Tenant) -> str:
    try:
        return values.tenant_name(tenant.name)
    except ValueError:
        # Somebody has written it past the service.
        return f"tenant number {tenant.id}"


def _show_end(description: str, meta: dict[str, Any], run: Job, outcome: Outcome) -> None:
    _show(description, meta, None if run.is_active else ENDED_TTL_SECONDS)
    if not run.is_active:
        outcome.result = {
            "job_id": run.job_id,
            "status": run.status,
            "computed": run.computed,
            "errors": run.errors,
        }


def _show(description: str, meta: dict[str, Any], ttl_seconds: int | None = None) -> None:
    """Show this of the current job, in one small write; RQ stores the rest when the job ends."""
    job: RqJob | None = get_current_job()
    if job is None:
        return
    job.description, job.meta = description, meta
    if ttl_seconds is not None:
        job.result_ttl = ttl_seconds
    fields: dict[Any, Any] = {"description": description, "meta": job.serializer.dumps(meta)}
    with suppress(RedisError, OSError):
        job.connection.hset(job.key, mapping=fields)
