"""Whether the process lives, and whether it can do its work."""

from collections.abc import Callable
from typing import Any

from flask.views import MethodView

from clv import db
from clv.api.schemas.health import Health, Readiness
from clv.errors import Unavailable
from clv.http.access import ClvBlueprint
from clv.http.application import components

blp = ClvBlueprint("health", __name__, description="Beside the API")


@blp.route("/healthz")
class Healthz(MethodView):
    """The process is alive."""

    @blp.response(200, Health)
    def get(self) -> dict[str, str]:
        """Alive

        Touches nothing.
        """
        return {"status": "ok"}


@blp.route("/readyz")
class Readyz(MethodView):
    """The service can do its work."""

    @blp.response(200, Readiness)
    @blp.alt_response(
        503,
        schema=Readiness,
        description="Database down or not migrated",
        headers={"Retry-After": {"required": True, "schema": {"type": "integer"}}},
    )
    def get(self) -> Any:
        """Ready

        The database answers and is migrated; Redis and the workers may be degraded.
        """
        database = _database_state()
        workers = _workers(components().queue.workers_alive)
        state = {
            "status": "ok" if workers else "degraded",
            "database": database,
            "redis": "unavailable" if workers is None else "ok",
            "workers": workers or 0,
        }
        if database != "ok":
            return {**state, "status": "unavailable"}, 503, {"Retry-After": "5"}
        return state


def _database_state() -> str:
    try:
        return "migrations are pending" if db.pending_migrations() else "ok"
    except db.DOWN:
        return "unavailable"


def _workers(count: Callable[[], int]) -> int | None:
    try:
        return count()
    except Unavailable:
        return None
