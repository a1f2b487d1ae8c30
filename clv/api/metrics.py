"""``GET /metrics`` for Prometheus, in its text format.

Requests are those of this machine's web processes. What runs did, and what waits, comes from the
database and from Redis, so it is the same wherever it is asked: on several machines take the
maximum, not the sum. No tenant is named.
"""

import hmac
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_address
from itertools import accumulate, chain
from typing import Any

from flask import Blueprint, Response, request

from clv import db
from clv.errors import Forbidden, Unauthenticated, Unavailable
from clv.http.application import components
from clv.http.counters import BOUNDS, DATABASE, REDIS
from clv.services.insights import STALE_MS
from clv.store import run_tally

bp = Blueprint("metrics", __name__)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

# What follows a family's name, with its labels, and the value.
Samples = Iterable[tuple[str, float]]


@bp.get("/metrics")
def metrics() -> Response:
    """The whole page."""
    _authorize()
    families = chain(_requests(), _database(), _redis())
    return Response("".join(families), content_type=CONTENT_TYPE)


def _authorize() -> None:
    settings = components().settings
    if settings.metrics_token:
        scheme, _, sent = request.headers.get("Authorization", "").partition(" ")
        right = hmac.compare_digest(sent.strip().encode(), settings.metrics_token.encode())
        if not right or scheme.lower() != "bearer":
            raise Unauthenticated("The token of METRICS_TOKEN is required: Authorization: Bearer …")
    elif settings.trusted_proxies or not _is_local():
        raise Forbidden("Without METRICS_TOKEN, metrics are for this machine alone.")


def _is_local() -> bool:
    """Whether the client is on this machine, and no proxy that forwards for others."""
    if "X-Forwarded-For" in request.headers or "Forwarded" in request.headers:
        return False
    try:
        return ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False


def _requests() -> Iterator[str]:
    totals = components().counters.totals()
    failures = {key[0]: row for key, row in totals.items() if len(key) == 1}
    requests = {key: row for key, row in totals.items() if len(key) == 3}
    yield _family(
        "clv_http_requests_total",
        "counter",
        "Requests that were answered.",
        (
            (f'{{method="{method}",route="{route}",status="{status}"}}', sum(row[1:]))
            for (method, route, status), row in requests.items()
        ),
    )
    yield _family(
        "clv_http_request_duration_seconds",
        "histogram",
        "From the request's head to the end of its response, without the network.",
        chain.from_iterable(_histogram(*route) for route in _by_route(requests).items()),
    )
    yield _family(
        "clv_dependency_errors_total",
        "counter",
        "Requests that failed because this was down or busy.",
        ((f'{{dependency="{d}"}}', sum(failures.get(d, [0])[1:])) for d in (DATABASE, REDIS)),
    )


def _by_route(requests: Mapping[Any, list[float]]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = defaultdict(lambda: [0.0] * (len(BOUNDS) + 2))
    for (_, route, _), row in requests.items():
        found[str(route)] = [a + b for a, b in zip(found[str(route)], row, strict=True)]
    return found


def _histogram(route: str, row: list[float]) -> Samples:
    counts = list(accumulate(row[1:]))
    for bound, count in zip((*BOUNDS, "+Inf"), counts, strict=True):
        yield f'_bucket{{route="{route}",le="{bound}"}}', count
    yield f'_sum{{route="{route}"}}', row[0]
    yield f'_count{{route="{route}"}}', counts[-1]


def _database() -> Iterator[str]:
    try:
        ended, active, full = run_tally.ended(), run_tally.active(), run_tally.full_runs(STALE_MS)
    except (*db.DOWN, db.NO_TABLES):
        yield _one("clv_database_up", "Whether the database answers and is migrated.", 0)
        return
    finally:
        # Redis may take its time.
        db.release()
    yield _one("clv_database_up", "Whether the database answers and is migrated.", 1)
    for name, text, values in (
        ("clv_runs_total", "Runs that ended.", {e.status: e.runs for e in ended}),
        (
            "clv_run_seconds_total",
            "Time from the start to the end of runs that ended.",
            {e.status: e.duration_ms / 1000 for e in ended},
        ),
        (
            "clv_customers_computed_total",
            "Customers that were computed by runs that ended.",
            {e.status: e.computed for e in ended},
        ),
        (
            "clv_customers_failed_total",
            "Customers that could not be computed by runs that ended.",
            {e.status: e.errors for e in ended},
        ),
    ):
        yield _family(name, "counter", text, _by_status(values))
    counts = {status: count for status, (count, _) in active.items()}
    oldest = {status: age / 1000 for status, (_, age) in active.items()}
    yield _family("clv_runs_active", "gauge", "Runs that have not ended.", _by_status(counts))
    yield _family(
        "clv_oldest_active_run_seconds",
        "gauge",
        "How long the oldest of these runs has been queued or running.",
        _by_status(oldest),
    )
    yield _one("clv_tenants", "Tenants that have customers.", full.tenants)
    yield _one(
        "clv_oldest_full_run_age_seconds",
        "Age of the last finished full run, of the tenant where it is the oldest.",
        full.oldest_ms / 1000,
    )
    yield _one("clv_tenants_stale", "Tenants without a full run for 36 hours.", full.stale)


def _redis() -> Iterator[str]:
    queue = components().queue
    try:
        depth, workers = queue.depth(), queue.workers_alive()
    except Unavailable:
        yield _one("clv_redis_up", "Whether Redis answers.", 0)
        return
    yield _one("clv_redis_up", "Whether Redis answers.", 1)
    yield _one("clv_queue_depth", "Jobs that wait for a worker.", depth)
    yield _one("clv_workers", "Workers that are alive.", workers)


def _by_status(values: Mapping[str, float]) -> Samples:
    return ((f'{{status="{status}"}}', value) for status, value in values.items())


def _one(name: str, text: str, value: float) -> str:
    return _family(name, "gauge", text, [("", value)])


def _family(name: str, kind: str, text: str, samples: Samples) -> str:
    lines = (f"{name}{labels} {value}\n" for labels, value in samples)
    return f"# HELP {name} {text}\n# TYPE {name} {kind}\n{''.join(lines)}"
