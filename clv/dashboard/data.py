"""The page Data: files of transactions, sent from the browser."""

from flask import request
from marshmallow import ValidationError

from clv.api import uploads
from clv.api.schemas.uploads import UploadQuery
from clv.auth.principal import Role
from clv.dashboard.blueprint import blp, needs, page
from clv.errors import Invalid
from clv.files.choices import Choices
from clv.http.access import principal
from clv.http.errors import sentence
from clv.services import loading


@blp.get("/data")
@needs(Role.EDITOR)
def data() -> str:
    """What the tenant has, and the form that sends a file."""
    return page("data.html", tenant=principal().tenant)


@blp.put("/data/transactions")
@needs(Role.EDITOR)
def data_load() -> str:
    """Load the file that is the body, and show what it did as a part of the page."""
    uploads.check_kind()
    try:
        query = UploadQuery().load(request.args)
    except ValidationError as error:
        raise Invalid(sentence(error.messages)) from None
    loaded = loading.load_transactions(
        principal().tenant, uploads.file(), Choices(), query["options"]
    )
    return page("data_loaded.html", loaded=loaded)
