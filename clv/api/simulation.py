"""What other settings would change."""

from typing import Any

from flask.views import MethodView

from clv.api.schemas.settings import ScoreSettingsChange
from clv.api.schemas.simulation import Simulation
from clv.auth.principal import Role
from clv.http.access import ClvBlueprint, principal, seat
from clv.services import simulation

blp = ClvBlueprint("simulation", __name__, url_prefix="/api/v1", description="What if")


@blp.route("/clv/simulate")
class Simulate(MethodView):
    """Other settings, tried out."""

    @blp.named("simulateSettings")
    @blp.access(Role.VIEWER, 400, 413, 415)
    @blp.arguments(ScoreSettingsChange, required=False)
    @blp.response(200, Simulation)
    def post(self, changes: dict[str, Any]) -> simulation.Simulation:
        """Try other settings out

        Settings that are left out are the present ones. Both outcomes are computed now, as a batch
        would compute them, by the model that serves now with its parameters; nothing is
        stored. Exact up to 50,000 customers; beyond, a sample of them is computed and scaled up,
        always the same one. Another model can't be tried out: that takes a backtest.
        """
        with seat():
            return simulation.simulate(principal().tenant, changes)
