"""The application factory: wires the parts, nothing else."""

import flask_swagger_ui
from flask import Blueprint, Flask
from redis import Redis
from werkzeug.middleware.proxy_fix import ProxyFix

from clv import cli, config, dashboard, db
from clv.api import (
    backtests,
    customers,
    health,
    insights,
    metrics,
    records,
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
from clv.http.rate_limit import REDIS_SECONDS, RateLimiter
from clv.http.waiting_room import WaitingRoom
from jobs.queue import JobQueue, connect

VERSION = "0.1.0"


def create_app(settings: Settings | None = None) -> Flask:
    """The WSGI application; nothing is connected until a request needs it."""
    settings = settings or config.load()
    app = Service(__name__, static_folder=None, template_folder="clv/api/templates")
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.url_map.merge_slashes = False
    app.url_map.redirect_defaults = False
    db.configure(settings)
    authentication.forget()
    redis = connect(settings.redis_url)
    app.extensions["clv"] = components(settings, redis)
    request_log.register(app)
    application.register(app)
    access.register(app)
    headers.register(app, settings)
    errors.register(app)
    app.register_blueprint(metrics.bp)
    rq_dashboard.mount(app, settings, redis)
    api = _register_api(app)
    dashboard.mount(app, api.handle_http_exception)
    app.find_by_path("customers.read_clv")
    cli.register(app)
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, hops, hops, hops)  # type: ignore[method-assign]
    return app


def components(settings: Settings, redis: Redis) -> Components:
    """What an application carries, as it is at its start."""
    return Components(
        settings=settings,
        queue=JobQueue(redis, settings.sweep_seconds),
        login_throttle=LoginThrottle(settings.attempts_limit),
        rate_limiter=_rate_limiter(settings),
        waiting_room=WaitingRoom(max(1, settings.web_threads // 2)),
        counters=Counters(),
    )


def _rate_limiter(settings: Settings) -> RateLimiter | None:
    if not settings.rate_limit:
        return None
    redis = connect(settings.redis_url, 1, REDIS_SECONDS, REDIS_SECONDS)
    return RateLimiter(settings.rate_limit, redis)


def _register_api(app: Flask) -> documents.ClvApi:
    app.config.update(
        API_TITLE="Customer Lifetime Value",
        API_VERSION=VERSION,
        OPENAPI_VERSION="3.0.3",
        OPENAPI_URL_PREFIX="/api",
        OPENAPI_JSON_PATH="openapi.json",
        OPENAPI_SWAGGER_UI_PATH="/docs",
        OPENAPI_SWAGGER_UI_URL="/api/docs/assets/",
        API_SPEC_OPTIONS={
            "info": {"description": "Scores customers by lifetime value from their interactions."},
            "components": {
                "securitySchemes": {
                    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key"}
                }
            },
        },
    )
    assets = Blueprint(
        "docs_assets",
        __name__,
        static_folder=f"{flask_swagger_ui.__path__[0]}/dist",
        static_url_path="/api/docs/assets",
    )
    page = Blueprint(
        "docs_page", __name__, static_folder="clv/api/static", static_url_path="/api/docs/static"
    )
    app.register_blueprint(assets)
    app.register_blueprint(page)
    api = documents.ClvApi(app)
    for part in (
        customers.blp,
        runs.blp,
        records.blp,
        simulation.blp,
        backtests.blp,
        insights.blp,
        summaries.blp,
        transactions.blp,
        tenant.blp,
        health.blp,
    ):
        api.register_blueprint(part)
    return api
