"""Files of transactions: bulk data in."""

from typing import Any

from flask.views import MethodView

from clv.api import uploads
from clv.api.schemas import preview
from clv.api.schemas.preview import PreviewShown
from clv.api.schemas.uploads import PreviewQuery, TransactionsQuery, TransactionsResult
from clv.auth.principal import Role
from clv.files.choices import Choices
from clv.files.kinds import KIND_OF_TRANSACTIONS
from clv.http.access import ClvBlueprint, principal
from clv.services import loading
from clv.services.loading import Loaded, Options
from clv.services.preview import Preview

blp = ClvBlueprint("transactions", __name__, url_prefix="/api/v1", description="Bulk data in")

_EXAMPLES = {
    **dict.fromkeys(KIND_OF_TRANSACTIONS),
    "text/csv": "customer_id,date,amount\nCUST-001,2026-04-30,42.50\n",
    "application/x-ndjson": '{"customer_id": "CUST-001", "date": "2026-04-30", "amount": 42.5}\n',
}


@blp.route("/transactions/preview")
class TransactionsPreview(MethodView):
    """What a file of transactions would do."""

    @blp.named("previewTransactions")
    @blp.access(Role.EDITOR, 400, 413, 415)
    @uploads.accepted(blp, _EXAMPLES)
    @blp.arguments(PreviewQuery, location="query")
    @blp.response(200, PreviewShown, example=preview.EXAMPLE)
    def post(self, query: dict[str, Any]) -> Preview:
        """Preview a file of transactions

        Says what a file, or its first part, would be taken for: how it is read, which columns are
        used, what is left out and why, and which questions are open. It takes the same files and
        the same parameters as PUT /transactions, and stores nothing. At most 64 MiB are read.
        """
        return _preview(**query)


@blp.route("/transactions")
class Transactions(MethodView):
    """A tenant's transactions."""

    @blp.named("loadTransactions")
    @blp.access(Role.EDITOR, 400, 409, 413, 415)
    @uploads.accepted(blp, _EXAMPLES)
    @blp.arguments(TransactionsQuery, location="query")
    @blp.response(200, TransactionsResult)
    def put(self, query: dict[str, Any]) -> Loaded:
        """Load a file of transactions of any size

        The file as the shop gave it out: CSV, NDJSON or an .xlsx workbook; gzipped or not. How it
        is read is found out from the file itself, and each parameter overrules that; what only
        you can know is a 400 that names the parameter and its choices. POST /transactions/preview
        shows it all first.

        Each transaction is one interaction and one conversion, but for one with a negative amount:
        it is a correction, such as a refund, and changes the customer's revenue alone.
        Transactions are added up by day. The file is taken as complete for each customer and day
        in it, so that sending it again changes nothing. One bad line keeps the whole file out,
        unless skipBadLines. Readers and runs see all of it or nothing.
        """
        return _load(**query)


def _preview(choices: Choices, is_partial: bool) -> Preview:
    with uploads.file(is_partial) as file:
        return loading.preview_transactions(
            principal().tenant, file, uploads.with_charset(choices), partial=is_partial
        )


def _load(choices: Choices, options: Options) -> Loaded:
    options = uploads.fenced(options)
    with uploads.file() as file:
        return loading.load_transactions(
            principal().tenant, file, uploads.with_charset(choices), options
        )
