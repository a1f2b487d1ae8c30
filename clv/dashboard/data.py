"""The page Data: a file of transactions is looked at, loaded, and followed to the scores."""

from typing import Any

from flask import Response, make_response, request, url_for
from marshmallow import Schema, ValidationError
from webargs.multidictproxy import MultiDictProxy

from clv.api import uploads
from clv.api.schemas.uploads import PreviewQuery, TransactionsQuery
from clv.auth.principal import Role
from clv.dashboard import menus
from clv.dashboard.blueprint import blp, needs, page
from clv.dashboard.errors import show
from clv.domain.time_zone import time_zone_names
from clv.errors import Invalid, Unavailable
from clv.files.choices import Choices
from clv.http.access import principal
from clv.http.application import components
from clv.http.errors import sentence
from clv.services import loading, runs
from clv.services.job import Job
from clv.services.loading import Loaded
from clv.services.preview import Preview
from clv.store.tenants import Tenant

# A larger file is looked at by its beginning, unless it is a workbook, which has none.
FIRST_PART_BYTES = 64 * 1024 * 1024


@blp.get("/data")
@needs(Role.EDITOR)
def data() -> str:
    """What the tenant has, and where to drop a file."""
    tenant = principal().tenant
    return page("data.html", tenant=tenant, first_part=FIRST_PART_BYTES, zones=_zones())


@blp.post("/data/preview")
@needs(Role.EDITOR)
def data_preview() -> Response:
    """What the file that is the body would do, as a part of the page; nothing is stored."""
    uploads.check_kind()
    query = _query(PreviewQuery())
    choices, is_partial = query["choices"], query["is_partial"]
    try:
        with uploads.file(is_partial) as file:
            preview = loading.preview_transactions(
                principal().tenant, file, choices, partial=is_partial
            )
    except Invalid as error:
        return show(400, error.message, asked=menus.asked_by_error(error))
    return make_response(_preview_page(preview, choices, is_partial))


@blp.post("/data/removal")
@needs(Role.EDITOR)
def data_removal() -> str:
    """How many customers would be removed, if the file that is the body replaced everything."""
    uploads.check_kind()
    tenant, choices = principal().tenant, _query(PreviewQuery())["choices"]
    with uploads.file() as file:
        removed = loading.customers_not_in_file(tenant, file, choices)
    return page("data_removal.html", tenant=tenant, removed=removed)


@blp.put("/data/transactions")
@needs(Role.EDITOR)
def data_load() -> str:
    """Load the file that is the body, start a run, and show both as a part of the page."""
    uploads.check_kind()
    query = _query(TransactionsQuery())
    with uploads.file() as file:
        loaded = loading.load_transactions(principal().tenant, file, **query)
    return page("data_loaded.html", loaded=loaded, **_start_run(loaded))


@blp.get("/data/runs/<job_id>")
@needs(Role.EDITOR)
def data_run(job_id: str) -> Response:
    """How far the run after a load is, as a part of the page. It leads on to the results."""
    queue, notice = components().queue, request.args.get("notice")
    job = runs.watch(principal().tenant_id, job_id, queue)
    part = page("job_progress.html", message=runs.waits_for(job, queue), **_followed(job, notice))
    response = make_response(part)
    if job.status == "finished":
        response.headers["HX-Redirect"] = url_for("dashboard.overview", notice=notice)
    return response


def _query(schema: Schema) -> dict[str, Any]:
    """The query's parameters, which are those of the API."""
    try:
        return schema.load(MultiDictProxy(request.args, schema))
    except ValidationError as error:
        raise Invalid(sentence(error.messages)) from None


def _preview_page(preview: Preview, choices: Choices, is_partial: bool) -> str:
    tenant = principal().tenant
    return page(
        "data_preview.html",
        preview=preview,
        is_partial=is_partial,
        tenant=tenant,
        currency=_currency(tenant, preview, choices),
        uses=menus.uses(preview),
        questions=menus.questions(preview),
        columns=menus.column_menus(preview, choices),
        reading=menus.reading_menus(preview, choices),
        given_rates=menus.given_rates(choices),
    )


def _currency(tenant: Tenant, preview: Preview, choices: Choices) -> str:
    """What the amounts that count are in; empty if nobody has said."""
    codes = {each.currency for each in preview.currencies if each.currency}
    if choices.currency and choices.currency not in {column.name for column in preview.columns}:
        return choices.currency
    if tenant.customers:
        return tenant.currency
    return codes.pop() if len(codes) == 1 else ""


def _start_run(loaded: Loaded) -> dict[str, Any]:
    """The run that follows a load, or why there is none; nothing for who may not start one."""
    me, carried = principal(), components()
    if me.role < Role.ADMIN:
        return {}
    try:
        job = runs.start(me.tenant_id, None, me.name, carried.settings, carried.queue)
    except Unavailable as error:
        return {"trouble": error.message}
    notice = "lowered" if loaded.merged.lowered else "loaded"
    return {"message": job.message, **_followed(job, notice)}


def _followed(job: Job, notice: str | None) -> dict[str, Any]:
    address = url_for("dashboard.data_run", job_id=job.job_id, notice=notice)
    return {"job": job, "address": address}


def _zones() -> list[str]:
    """The time zones that have places."""
    return [name for name in time_zone_names() if "/" in name and name[:4] != "Etc/"]
