"""What other settings would change."""

from typing import Any

from flask.views import MethodView

from clv import db
from clv.api.schemas.settings import ScoreSettingsChange
from clv.api.schemas.simulation import Simulation
from clv.api.tenant import score_settings_view
from clv.auth.principal import Role
from clv.http.access import ClvBlueprint, principal
from clv.http.application import components
from clv.services import simulation
from clv.services.settings import changed_settings
from clv.services.simulation import Outcome

blp = ClvBlueprint("simulation", __name__, url_prefix="/api/v1", description="What if")


@blp.route("/clv/simulate")
class Simulate(MethodView):
    """Other settings, tried out."""

    @blp.access(Role.VIEWER, 400, 413, 415)
    @blp.arguments(ScoreSettingsChange, required=False)
    @blp.response(200, Simulation)
    def post(self, changes: dict[str, Any]) -> dict[str, Any]:
        """Try other settings out

        Settings that are left out are the present ones. Both outcomes are computed now, as a batch
        would compute them, by the model that serves now with its parameters; nothing is
        stored. Exact up to 50,000 customers; beyond, a sample of them is computed and scaled up,
        always the same one. Another model can't be tried out: that takes a backtest.
        """
        found = simulate(changes)
        message = None
        if not found.exact:
            message = f"Estimated from {found.computed} of {found.customers} customers."
        return {
            "asOf": found.as_of_ms,
            "customers": found.customers,
            "computed": found.computed,
            "exact": found.exact,
            "message": message,
            "settings": score_settings_view(found.settings),
            "before": _view(found.before),
            "after": _view(found.after),
        }


def simulate(changes: dict[str, Any]) -> simulation.Simulation:
    """What changes of the settings would make of the principal's tenant.

    :raises Unavailable: when too many requests that take long are going on
    """
    tenant = principal().tenant
    settings = changed_settings(tenant, changes)
    room = components().waiting_room
    with room.seat(), db.within(db.LONG_SECONDS):
        return simulation.simulate(tenant, settings)


def _view(outcome: Outcome) -> dict[str, Any]:
    segments = {
        name: {
            "customers": sums.customers,
            "revenue": sums.revenue,
            "predictedRevenue": sums.predicted_revenue,
            "revenueAtRisk": sums.revenue_at_risk,
        }
        for name, sums in outcome.segments.items()
    }
    return {"p25": outcome.p25, "p75": outcome.p75, "segments": segments}
