"""Cohorts: what became of the customers of each month or quarter."""

from typing import Any

from flask import current_app
from flask.views import MethodView

from clv.api import downloads
from clv.api.schemas.cohorts import CohortReport, CohortsQuery
from clv.auth.principal import Role
from clv.files import cohorts as cohort_files
from clv.files.kinds import CSV
from clv.http.access import ClvBlueprint, principal
from clv.services import cohorts

blp = ClvBlueprint("cohorts", __name__, url_prefix="/api/v1", description="Cohorts")


@blp.route("/clv/cohorts")
class Cohorts(MethodView):
    """The tenant's customers by their first conversion."""

    @blp.named("getCohorts")
    @blp.access(Role.VIEWER, 400)
    @blp.arguments(CohortsQuery, location="query")
    @downloads.also_as_file(blp, cohort_files.COLUMNS, [CSV])
    @blp.response(200, CohortReport, headers=downloads.HEADERS)
    def get(self, query: dict[str, Any]) -> Any:
        """Read what became of the customers of each month or quarter

        Customers by the month (quarter) of their first conversion, in the tenant's time zone; for
        each month since then, those who bought, and what the cohort has brought a customer. Age 0
        is the month of the first conversion. As the last full run stored it: the latest 36 cohorts,
        with 36 ages at most. A month that had not ended is null.

        A cohort is paid back at the first age at which the cumulative margin a customer is at least
        the acquisition cost. Margin and cost are applied as you ask: they need no new run.

        With `Accept: text/csv`, a line for each age of each cohort, unrounded.
        """
        report = cohorts.report(principal().tenant, query["by"], query["acquisition_cost"])
        if downloads.wanted([CSV]) == CSV:
            return downloads.send(cohort_files.write(report.cohorts), CSV, "clv-cohorts")
        response = current_app.json.response(CohortReport().dump(report))
        response.vary.add("Accept")
        return response
