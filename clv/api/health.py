"""Whether the process lives, and whether it can do its work."""

from dataclasses import dataclass
from typing import Any

from flask.views import MethodView

from clv import db
from clv.api.schemas.health import Health, Readiness
from clv.errors import Unavailable
from clv.http.access import ClvBlueprint
from clv.http.application import components

blp = ClvBlueprint("health", __name__, description="Beside the API")

OK = "ok"


@dataclass(frozen=True, slots=True)
class State:
    """What the service depends on."""

    database: str
    redis: str
    workers: int

    @property
    def status(self) -> str:
        """What they add up to."""
        if self.database != OK:
            return "unavailable"
        return OK if self.workers else "degraded"


@blp.route("/healthz")
class Healthz(MethodView):
    """The process is alive."""

    @blp.response(200, Health)
    def get(self) -> dict[str, str]:
        """Alive

        Touches nothing.
        """
        return {"status": OK}


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
        state = _state()
        return state if state.database == OK else (state, 503, {"Retry-After": "5"})


def _state() -> State:
    database = _database_state()
    try:
        return State(database, OK, components().queue.workers_alive())
    except Unavailable:
        return State(database, "unavailable", 0)


def _database_state() -> str:
    try:
        return "migrations are pending" if db.pending_migrations() else OK
    except db.DOWN:
        return "unavailable"
