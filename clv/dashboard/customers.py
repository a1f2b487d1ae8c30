"""Lists of customers: whom to contact, and everybody; what ``GET /clv/records`` lists."""

from typing import Any, NamedTuple

from flask import Response, request
from marshmallow import ValidationError

from clv.api import records
from clv.api.schemas.records import RecordsQuery
from clv.dashboard.blueprint import blp, page
from clv.domain.settings import MODEL_NAMES
from clv.errors import Invalid
from clv.http.access import principal
from clv.http.errors import sentence
from clv.services import snapshots
from clv.store.tenants import Tenant

PAGE = 50
# Up to so many customers, counting who matches takes a moment.
COUNTED_UP_TO = 100_000


class Tab(NamedTuple):
    """A list with filters of its own."""

    name: str
    label: str
    about: str
    filters: dict[str, Any]


class Field(NamedTuple):
    """A filter of the form."""

    name: str
    label: str
    kind: str = "number"
    step: str = "1"


FIELDS = (
    Field("minScore", "Score from", step="any"),
    Field("maxScore", "Score to", step="any"),
    Field("minRecency", "Days silent from"),
    Field("maxRecency", "Days silent to"),
    Field("minFrequency", "Interactions from"),
    Field("minRevenue", "Predicted revenue from", step="any"),
    Field("minTenureDays", "Customer for days, from"),
)
SORTS = {
    "-revenueAtRisk": "Revenue at risk, most first",
    "-predictedRevenue": "Predicted revenue, most first",
    "-clvScore": "Score, best first",
    "clvScore": "Score, worst first",
    "rfmRecency": "Last contact, latest first",
    "-rfmRecency": "Last contact, oldest first",
    "customerId": "Customer id",
}


@blp.get("/customers")
def customers() -> Any:
    """A page of a list."""
    tenant = principal().tenant
    tab = _tab(tenant)
    try:
        query = _query(tab)
    except ValidationError as error:
        problem = f"These filters don’t fit. {sentence(error.messages)}"
        return _page(tenant, tab, problem=problem, wrong=error.messages), 400
    counted = tenant.customers <= COUNTED_UP_TO
    found = records.page_of({**query, "limit": PAGE, "count": counted})
    return _page(tenant, tab, sort=query["sort"], found=found)


@blp.get("/customers.csv")
def customers_csv() -> Response:
    """The whole list as a file, which people open in a spreadsheet."""
    try:
        query = _query(_tab(principal().tenant))
        return records.file_of(query, "text/csv", for_spreadsheets=True)
    except ValidationError as error:
        raise Invalid(f"These filters don’t fit. {sentence(error.messages)}") from None


def tabs(tenant: Tenant) -> list[Tab]:
    """The lists: who slips away, who is probably lost, and all."""
    days = tenant.settings.at_risk_days
    # Who never did anything is at no risk.
    silent = {"minFrequency": "1", "sort": "-revenueAtRisk"}
    return [
        Tab(
            "slipping",
            "Slipping away",
            f"Silent for {days:,} to {3 * days - 1:,} days: a good moment to get in touch, with"
            " those first who have the most revenue at risk.",
            {"minRecency": f"{days}", "maxRecency": f"{3 * days - 1}", **silent},
        ),
        Tab(
            "lost",
            "Probably lost",
            f"Silent for {3 * days:,} days or more: winning them back takes more than a reminder.",
            {"minRecency": f"{3 * days}", **silent},
        ),
        Tab("all", "All customers", "Everybody with a score.", {"sort": "-clvScore"}),
    ]


def _page(tenant: Tenant, tab: Tab, **values: Any) -> str:
    given = {**tab.filters, **_given()}
    # Without a place in the list, and as an address repeats it.
    wanted = {"tab": tab.name, **{name: v for name, v in _given().items() if name != "cursor"}}
    return page(
        "customers.html",
        tenant=tenant,
        model=MODEL_NAMES[snapshots.serving(tenant).model],
        tab=tab,
        tabs=tabs(tenant),
        fields=FIELDS,
        sorts=SORTS,
        given=given,
        wanted=wanted,
        is_filtered=bool(wanted.keys() - {"tab", "sort"}),
        **values,
    )


def _tab(tenant: Tenant) -> Tab:
    found = {tab.name: tab for tab in tabs(tenant)}
    return found.get(request.args.get("tab", ""), found["slipping"])


def _given() -> dict[str, str]:
    """What the address says; a form sends its empty fields, too."""
    return {name: text for name, text in request.args.items() if text and name != "tab"}


def _query(tab: Tab) -> dict[str, Any]:
    given: dict[str, Any] = {**tab.filters, **_given()}
    if "customerId" in given:
        given["customerId"] = request.args.getlist("customerId")
    return RecordsQuery().load(given)
