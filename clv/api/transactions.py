"""Files of transactions: bulk data in."""

from typing import Any

from flask.views import MethodView

from clv.api import uploads
from clv.api.schemas.uploads import UploadQuery, UploadResult
from clv.auth.principal import Role
from clv.http.access import ClvBlueprint, principal
from clv.services import loading
from clv.services.loading import Loaded, Options

blp = ClvBlueprint("transactions", __name__, url_prefix="/api/v1", description="Bulk data in")

_EXAMPLE = "customer_id,date,amount\nCUST-001,2026-04-30,42.50\n"


@blp.route("/transactions")
class Transactions(MethodView):
    """A tenant's transactions."""

    @blp.access(Role.EDITOR, 400, 409, 413, 415)
    @uploads.accepted(blp, _EXAMPLE)
    @blp.arguments(UploadQuery, location="query")
    @blp.response(200, UploadResult)
    def put(self, query: dict[str, Any]) -> Loaded:
        """Load a file of transactions of any size

        CSV with the columns customer_id, date and amount, or NDJSON with the same names; gzipped
        or not. Each row is one interaction and one conversion, but for one with a negative amount:
        it is a correction, such as a refund, and changes the customer's revenue alone. Rows are
        added up by day. The file is taken as complete for each customer and day in it, so that
        sending it again changes nothing. Readers and runs see all of it or nothing.
        """
        return loading.load_transactions(principal().tenant, uploads.file(), Options(**query))
