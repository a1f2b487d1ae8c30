"""Files of transactions: bulk data in."""

import io
from dataclasses import asdict
from typing import Any, cast

from flask import current_app, request
from flask.views import MethodView
from werkzeug.exceptions import UnsupportedMediaType

from clv import service
from clv.api.blueprint import ClvBlueprint, Upload, principal
from clv.auth import Role
from clv.reader import Columns, Rejected, read_transactions
from clv.schemas.transactions import UploadQuery, UploadResult

blp = ClvBlueprint("transactions", __name__, url_prefix="/api/v1", description="Bulk data in")

KINDS = {"text/csv": "csv", "application/x-ndjson": "ndjson"}
_EXAMPLE = "customer_id,date,amount\nCUST-001,2026-04-30,42.50\n"
_BODY = {
    "required": True,
    "content": {
        "text/csv": {"schema": {"type": "string"}, "example": _EXAMPLE},
        "application/x-ndjson": {"schema": {"type": "string"}},
    },
}


@blp.route("/transactions")
class Transactions(MethodView):
    """A tenant's transactions."""

    @blp.access(Role.EDITOR, 400, 409, 413, 415)
    @blp.arguments(UploadQuery, location="query")
    @blp.response(200, UploadResult)
    @blp.doc(requestBody=_BODY)
    def put(self, query: dict[str, Any]) -> dict[str, Any]:
        """Load a file of transactions of any size

        CSV with the columns customer_id, date and amount, or NDJSON with the same names; gzipped
        or not. Each row is one interaction and one conversion; they are added up by day. The file
        is taken as complete for each customer and day in it, so that sending it again changes
        nothing. Readers and runs see all of it or nothing.
        """
        if request.mimetype not in KINDS:
            raise UnsupportedMediaType(f"The body must be {' or '.join(KINDS)}.")
        rejected = Rejected()
        most = current_app.extensions["settings"].max_inflated_mb * 1024 * 1024
        stream = cast(Any, io.BufferedReader(Upload()))
        rows = read_transactions(stream, Columns(), rejected, KINDS[request.mimetype], most)
        received, merged = service.load_transactions(
            principal().tenant, rows, rejected, query["strict"], query["replace"]
        )
        errors = [{"line": line, "message": reason} for line, reason in rejected.first]
        return {
            **asdict(merged),
            "received": received,
            "rejected": rejected.count,
            "errors": errors,
        }
