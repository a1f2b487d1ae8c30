"""What came in: revenue by day, week or month."""

from typing import Any

from flask import Response
from flask.views import MethodView

from clv.api import downloads
from clv.api.schemas.revenue import RevenueByPeriod, RevenueQuery, revenue_json
from clv.auth.principal import Role
from clv.files import revenue_writer
from clv.files.kinds import CSV
from clv.http import etags
from clv.http.access import ClvBlueprint, principal, seat
from clv.services import revenue

blp = ClvBlueprint("revenue", __name__, url_prefix="/api/v1", description="What came in")


# A file has none.
_ETAG = {"ETag": {**etags.HEADER["ETag"], "required": False}}


@blp.route("/clv/revenue")
class RevenuePeriods(MethodView):
    """The tenant's revenue."""

    @blp.named("getRevenue")
    @blp.access(Role.VIEWER, 400, 409, headers=[etags.IF_NONE_MATCH])
    @blp.arguments(RevenueQuery, location="query")
    @downloads.also_as_file(blp, revenue_writer.COLUMNS, [CSV])
    @blp.may_be_known()
    @blp.response(200, RevenueByPeriod, headers={**downloads.HEADERS, **_ETAG})
    def get(self, query: dict[str, Any]) -> Response:
        """Read the revenue by day, week or month

        The exact sums of the stored summaries, net of corrections, in the tenant's time zone, at
        most 1,100 periods at once. A period without sales has zeros; one that is not over says so,
        and is not compared with the one before.

        With `Accept: text/csv` the periods as one file: unrounded, with the columns always in this
        order and new ones only at the end.
        """
        tenant = principal().tenant
        if revenue.is_due(tenant):
            with seat():
                revenue.calculate(tenant)
        found = revenue.revenue_by(tenant, **query)
        if downloads.wanted([CSV]) == CSV:
            return downloads.send(iter([revenue_writer.write(found.periods)]), CSV, "clv-revenue")
        text = revenue_json(found)
        response = Response(text, content_type=downloads.JSON)
        response.vary.add("Accept")
        return etags.tag(text.encode(), response)
