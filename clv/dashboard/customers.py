"""The page Customers: whom to contact, and everybody. ``GET /clv/records`` lists the same."""

from functools import partial
from typing import Any, NamedTuple

from flask import Response, request
from marshmallow import ValidationError

from clv.api import downloads
from clv.api.paging import Page, read_page
from clv.api.schemas.records import RecordsQuery
from clv.dashboard.blueprint import blp, page
from clv.domain import activity
from clv.errors import Invalid
from clv.http.access import principal
from clv.http.errors import sentence
from clv.services import forecasts, records, snapshots
from clv.store.tenants import Tenant

PAGE = 50
# With more customers, counting those who match takes too long for a page.
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
    listed = _listed(tenant, query)
    return _page(tenant, tab, sort=query["sort"], listed=listed)


@blp.get("/customers.csv")
def customers_csv() -> Response:
    """The whole list as a file, which people open in a spreadsheet."""
    tenant = principal().tenant
    try:
        query = _query(_tab(tenant))
    except ValidationError as error:
        raise Invalid(f"These filters don’t fit. {sentence(error.messages)}") from None
    downloads.refuse_paging()
    text = records.file_of_records(
        tenant,
        query["matching"],
        query["order"],
        "csv",
        include=query["include"],
        for_spreadsheets=True,
    )
    return downloads.send(text, "text/csv", "clv-records")


def tabs(tenant: Tenant) -> list[Tab]:
    """The lists: customers who slip away, customers who are probably lost, and all."""
    days = tenant.settings.at_risk_days
    lost_days = activity.lost_days(days)
    # A customer without any interaction is not at risk.
    silent = {"minFrequency": "1", "sort": "-revenueAtRisk"}
    return [
        Tab(
            "slipping",
            "Slipping away",
            f"Silent for {days:,} to {lost_days - 1:,} days: a good moment to get in touch, with"
            " those first who have the most revenue at risk.",
            {"minRecency": f"{days}", "maxRecency": f"{lost_days - 1}", **silent},
        ),
        Tab(
            "lost",
            "Probably lost",
            f"Silent for {lost_days:,} days or more: winning them back takes more than a reminder.",
            {"minRecency": f"{lost_days}", **silent},
        ),
        Tab("all", "All customers", "Everybody with a score.", {"sort": "-clvScore"}),
    ]


def _page(tenant: Tenant, tab: Tab, **values: Any) -> str:
    given = {**tab.filters, **_given()}
    # As links repeat it: without the cursor.
    wanted = {"tab": tab.name, **{name: v for name, v in _given().items() if name != "cursor"}}
    return page(
        "customers.html",
        tenant=tenant,
        model=snapshots.serving(tenant).revenue.name,
        has_forecasts=forecasts.serving(tenant) is not None,
        tab=tab,
        tabs=tabs(tenant),
        fields=FIELDS,
        sorts=SORTS,
        given=given,
        wanted=wanted,
        is_filtered=bool(wanted.keys() - {"tab", "sort"}),
        **values,
    )


def _listed(tenant: Tenant, query: dict[str, Any]) -> Page:
    matching, counted = query["matching"], tenant.customers <= COUNTED_UP_TO
    return read_page(
        partial(records.page_of_records, tenant, matching, query["order"]),
        query["position"],
        PAGE,
        query["cursor"],
        total=records.total_of_records(tenant, matching, counted),
    )


def _tab(tenant: Tenant) -> Tab:
    by_name = {tab.name: tab for tab in tabs(tenant)}
    return by_name.get(request.args.get("tab", ""), by_name["slipping"])


def _given() -> dict[str, str]:
    """The filters in the address, without the empty fields that a form sends, too."""
    return {name: text for name, text in request.args.items() if text and name != "tab"}


def _query(tab: Tab) -> dict[str, Any]:
    given: dict[str, Any] = {**tab.filters, **_given()}
    for name in given.keys() & {"customerId", "include"}:
        given[name] = request.args.getlist(name)
    return RecordsQuery().load(given)
