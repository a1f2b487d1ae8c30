"""Whether the process lives, and whether it can do its work."""

from typing import Any

from flask.views import MethodView

from clv.api.schemas.health import Health, Readiness
from clv.http.access import ClvBlueprint
from clv.http.application import components
from clv.services import monitoring
from clv.services.monitoring import OK

blp = ClvBlueprint("health", __name__, description="Beside the API")


@blp.route("/healthz")
class Healthz(MethodView):
    """The process is alive."""

    @blp.named("getHealth")
    @blp.response(200, Health)
    def get(self) -> dict[str, str]:
        """Alive

        Touches nothing.
        """
        return {"status": OK}


@blp.route("/readyz")
class Readyz(MethodView):
    """The service can do its work."""

    @blp.named("getReadiness")
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
        ready = monitoring.readiness(components().queue)
        return ready if ready.database == OK else (ready, 503, {"Retry-After": "5"})
