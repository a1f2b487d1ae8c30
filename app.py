"""The application factory: wires the parts, nothing else."""

from flask import Flask
from redis import Redis
from werkzeug.middleware.proxy_fix import ProxyFix

from clv import cli, config, dashboard, db
from clv.api import (
    backtests,
    cohorts,
    customers,
    feed,
    health,
    insights,
    metrics,
    records,
    revenue,
    runs,
    simulation,
    summaries,
    tenant,
    transactions,
)
from clv.auth import authentication
from clv.auth.login_throttle import LoginThrottle
from clv.config import Settings
from clv.http import access, application, documents, errors, headers, request_log, rq_dashboard
from clv.http.application import Components, Service
from clv.http.counters import Counters
from clv.http.flows import Flows
from clv.http.rate_limit import RateLimiter
from clv.http.waiting_room import WaitingRoom
from clv.temporary_disk import TemporaryDisk
from jobs.job import OwnQueue
from jobs.queue import JobQueue, connect

VERSION = "0.1.0"
# In the order in which the documents show them.
RESOURCES = (
    customers.blp,
    runs.blp,
    records.blp,
    feed.blp,
    simulation.blp,
    backtests.blp,
    insights.blp,
    revenue.blp,
    cohorts.blp,
    summaries.blp,
    transactions.blp,
    tenant.blp,
    health.blp,
)


def create_app(settings: Settings | None = None) -> Flask:
    """The WSGI application. It connects to nothing until a request needs it."""
    settings = settings or config.load()
    redis = connect(settings.redis_url)
    db.configure(settings)
    authentication.forget_keys()
    app = Service(__name__, static_folder=None, template_folder="clv/api/templates")
    app.extensions["clv"] = components(settings, redis)
    # The request log comes first: it begins before all others and ends after them.
    for part in (request_log, application, access, headers, errors):
        part.register(app)
    app.register_blueprint(metrics.bp)
    rq_dashboard.mount(app, settings, redis, OwnQueue)
    api = documents.mount(app, VERSION, RESOURCES)
    dashboard.mount(app, api.handle_http_exception)
    cli.register(app)
    _trust_proxies(app, settings.trusted_proxies)
    return app


def components(settings: Settings, redis: Redis) -> Components:
    """The parts that an application carries for its whole life."""
    return Components(
        settings=settings,
        queue=JobQueue(redis, settings.sweep_seconds),
        login_throttle=LoginThrottle(settings.attempts_limit),
        rate_limiter=_rate_limiter(settings, redis),
        # Requests that take long may hold half of the threads.
        waiting_room=WaitingRoom(max(1, settings.web_threads // 2)),
        temporary_disk=TemporaryDisk(settings.temp_disk_mb * 1024 * 1024),
        flows=Flows(settings.trusted_proxies),
        counters=Counters(),
    )


def _rate_limiter(settings: Settings, redis: Redis) -> RateLimiter | None:
    if not settings.rate_limit:
        return None
    return RateLimiter(settings.rate_limit, settings.tenant_rate_factor, redis)


def _trust_proxies(app: Flask, hops: int) -> None:
    """Believe the X-Forwarded headers of this many proxies."""
    if hops:
        app.wsgi_app = ProxyFix(app.wsgi_app, hops, hops, hops)  # type: ignore[method-assign]
