"""What the single GET is measured against, under the same gunicorn: a bare route, and the same
route the plain way."""

import hashlib
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, abort, request
from peewee import Database
from playhouse.pool import PooledPostgresqlDatabase, PooledSqliteDatabase

from clv import config, db
from clv.api.schemas.customers import Clv
from clv.db.models import ApiKey, ClvRecord
from clv.http.counters import Counters
from clv.http.flows import Flows
from clv.http.waiting_room import WaitingRoom
from clv.temporary_disk import TemporaryDisk

PATH = "/api/v1/customers/<customer_id>/clv"


def bare() -> Flask:
    """A Flask application whose one route answers anybody with two letters."""
    app = _application()

    @app.get(PATH)
    def clv(customer_id: str) -> str:
        return "ok"

    return app


def plain() -> Flask:
    """The same answer as ours, with Peewee as its documentation shows it for Flask: connected
    before each request and closed after it, from a pool; models are looked up, and marshmallow
    writes the record."""
    app = _application()
    app.json.sort_keys = False  # type: ignore[attr-defined]
    database = _database()
    db.database.initialize(database)
    schema = Clv()

    @app.before_request
    def connect() -> None:
        database.connect()

    @app.teardown_request
    def close(error: BaseException | None) -> None:
        if not database.is_closed():
            database.close()

    @app.get(PATH)
    def clv(customer_id: str) -> Any:
        key = _key(request.headers.get("Authorization", ""))
        record = ClvRecord.get_or_none(
            ClvRecord.tenant_id == key.tenant.id, ClvRecord.customer_id == customer_id
        )
        if record is None:
            abort(404)
        return schema.dump(_view(record))

    return app


def _application() -> Flask:
    app = Flask(__name__, static_folder=None)
    settings = config.load()
    # What our web process wants of an application.
    app.extensions["clv"] = SimpleNamespace(
        counters=Counters(),
        flows=Flows(settings.trusted_proxies),
        settings=settings,
        waiting_room=WaitingRoom(settings.web_threads),
        temporary_disk=TemporaryDisk(settings.temp_disk_mb * 1024 * 1024),
    )
    return app


def _database() -> Database:
    url = config.load().database_url
    if urlsplit(url).scheme == "sqlite":
        pragmas = {"journal_mode": "wal", "synchronous": "normal"}
        return PooledSqliteDatabase(
            urlsplit(url).path[1:], pragmas=pragmas, check_same_thread=False
        )
    return PooledPostgresqlDatabase(url, max_connections=20)


def _key(header: str) -> ApiKey:
    _, _, token = header.partition(" ")
    _, public, secret = token.split("_")
    key = ApiKey.get_or_none(ApiKey.public == public)
    if key is None or hashlib.sha256(secret[:-6].encode()).hexdigest() != key.secret_sha256:
        abort(401)
    return key


def _view(record: ClvRecord) -> dict[str, Any]:
    return {
        "customer_id": record.customer_id,
        "clv_score": int(record.score + 0.5),
        "predicted_revenue": record.predicted_revenue,
        "churn_probability": record.churn_probability,
        "recency_days": record.recency_days,
        "frequency": record.frequency,
        "monetary": record.monetary,
        "segment": record.segment,
        "computed_ms": record.computed_ms,
        "source": "cached",
    }
