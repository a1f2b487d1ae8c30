"""``GET /metrics`` for Prometheus, in its text format.

Requests are those of this machine's web processes. What runs did, and what waits, comes from the
database and from Redis, so every machine answers the same: take the maximum, not the sum. No
tenant is named.
"""

import hmac
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from ipaddress import ip_address
from itertools import accumulate
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, request
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from clv.errors import Forbidden, Unauthenticated
from clv.http.application import components
from clv.http.counters import BOUNDS, DATABASE, REDIS, Key
from clv.services import monitoring
from clv.services.monitoring import DatabaseFigures, QueueFigures
from clv.store.run_tally import Ended

bp = Blueprint("metrics", __name__)

# Of the text format that generate_latest writes.
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# The names of a histogram's buckets.
_BUCKETS = (*map(str, BOUNDS), "+Inf")
# What runs did that ended, by status: name, text, and value.
_ENDED_RUNS: tuple[tuple[str, str, Callable[[Ended], float]], ...] = (
    ("clv_runs_total", "Runs that ended.", lambda ended: ended.runs),
    (
        "clv_run_seconds_total",
        "Time from the start to the end of runs that ended.",
        lambda ended: ended.duration_ms / 1000,
    ),
    (
        "clv_customers_computed_total",
        "Customers that were computed by runs that ended.",
        lambda ended: ended.computed,
    ),
    (
        "clv_customers_failed_total",
        "Customers that could not be computed by runs that ended.",
        lambda ended: ended.errors,
    ),
)


@bp.get("/metrics")
def metrics() -> Response:
    """The figures of this moment."""
    _authorize()
    registry = CollectorRegistry()
    registry.register(ServiceCollector())
    return Response(generate_latest(registry), content_type=CONTENT_TYPE)


class ServiceCollector(Collector):
    """The figures as prometheus_client's families. They are counted elsewhere: requests in memory
    that the web processes share, which outlives each of them, and runs in the database."""

    def collect(self) -> Iterator[Metric]:
        """All families."""
        totals = components().counters.totals()
        yield from _request_metrics({key: row for key, row in totals.items() if len(key) == 3})
        yield _dependency_errors({key[0]: row for key, row in totals.items() if len(key) == 1})
        yield from _database_metrics(monitoring.database_figures())
        yield from _queue_metrics(monitoring.queue_figures(components().queue))


def _authorize() -> None:
    settings = components().settings
    if settings.metrics_token:
        scheme, _, sent = request.headers.get("Authorization", "").partition(" ")
        right = hmac.compare_digest(sent.strip().encode(), settings.metrics_token.encode())
        if not right or scheme.lower() != "bearer":
            raise Unauthenticated("The token of METRICS_TOKEN is required: Authorization: Bearer …")
    elif settings.trusted_proxies or not _is_local():
        raise Forbidden(
            "Without METRICS_TOKEN, metrics are for this machine alone, which must be asked by its"
            " own name or address, such as 127.0.0.1."
        )


def _is_local() -> bool:
    """Whether the client is on this machine and asked for this machine: neither a proxy that
    forwards for others, nor a browser that a page's own host name led here."""
    if "X-Forwarded-For" in request.headers or "Forwarded" in request.headers:
        return False
    try:
        host = urlsplit(f"//{request.environ.get('HTTP_HOST', '')}").hostname
        asked = "127.0.0.1" if host == "localhost" else host or ""
        return all(ip_address(text).is_loopback for text in (request.remote_addr or "", asked))
    except ValueError:
        return False


def _request_metrics(requests: Mapping[Key, list[float]]) -> Iterator[Metric]:
    count = CounterMetricFamily(
        "clv_http_requests_total",
        "Requests that were answered.",
        labels=("method", "route", "status"),
    )
    for key, (_, *classes) in requests.items():
        count.add_metric([str(part) for part in key], sum(classes))
    yield count
    duration = HistogramMetricFamily(
        "clv_http_request_duration_seconds",
        "From the request's head to the end of its response, without the network.",
        labels=("route",),
    )
    for route, (seconds, *classes) in _by_route(requests).items():
        buckets = list(zip(_BUCKETS, accumulate(classes), strict=True))
        duration.add_metric([route], buckets, seconds)
    yield duration


def _by_route(requests: Mapping[Key, list[float]]) -> dict[str, list[float]]:
    rows: dict[str, list[float]] = defaultdict(lambda: [0.0] * (len(BOUNDS) + 2))
    for (_, route, _), row in requests.items():
        rows[str(route)] = [a + b for a, b in zip(rows[str(route)], row, strict=True)]
    return rows


def _dependency_errors(failures: Mapping[Any, list[float]]) -> Metric:
    values = {name: sum(failures.get(name, [0])[1:]) for name in (DATABASE, REDIS)}
    text = "Requests that failed because this was down or busy."
    return _labelled(CounterMetricFamily, "clv_dependency_errors_total", text, "dependency", values)


def _database_metrics(figures: DatabaseFigures | None) -> Iterator[Metric]:
    up = "Whether the database answers and is migrated."
    yield GaugeMetricFamily("clv_database_up", up, figures is not None)
    if figures is not None:
        yield from _ended_runs(figures)
        yield from _active_runs(figures)
        yield from _tenants(figures)


def _ended_runs(figures: DatabaseFigures) -> Iterator[Metric]:
    for name, text, value in _ENDED_RUNS:
        values = {ended.status: value(ended) for ended in figures.ended}
        yield _labelled(CounterMetricFamily, name, text, "status", values)


def _active_runs(figures: DatabaseFigures) -> Iterator[Metric]:
    counts = {runs.status: runs.count for runs in figures.active}
    oldest = {runs.status: runs.oldest_ms / 1000 for runs in figures.active}
    text = "Runs that have not ended."
    yield _labelled(GaugeMetricFamily, "clv_runs_active", text, "status", counts)
    text = "How long the oldest of these runs has been queued or running."
    yield _labelled(GaugeMetricFamily, "clv_oldest_active_run_seconds", text, "status", oldest)


def _tenants(figures: DatabaseFigures) -> Iterator[Metric]:
    yield GaugeMetricFamily("clv_tenants", "Tenants that have customers.", figures.tenants)
    yield GaugeMetricFamily(
        "clv_oldest_full_run_age_seconds",
        "Age of the last finished full run, of the tenant where it is the oldest.",
        figures.oldest_full_run_ms / 1000,
    )
    text = "Tenants without a full run for 36 hours."
    yield GaugeMetricFamily("clv_tenants_stale", text, figures.stale_tenants)


def _queue_metrics(figures: QueueFigures | None) -> Iterator[Metric]:
    yield GaugeMetricFamily("clv_redis_up", "Whether Redis answers.", figures is not None)
    if figures is not None:
        yield GaugeMetricFamily("clv_queue_depth", "Jobs that wait for a worker.", figures.depth)
        yield GaugeMetricFamily("clv_workers", "Workers that are alive.", figures.workers)


def _labelled(
    kind: type[CounterMetricFamily] | type[GaugeMetricFamily],
    name: str,
    text: str,
    label: str,
    values: Mapping[str, float],
) -> Metric:
    """A family of one label, with a value for each of the label's values."""
    family = kind(name, text, labels=(label,))
    for labelled, value in values.items():
        family.add_metric([labelled], value)
    return family
