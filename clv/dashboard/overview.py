"""The overview: what all customers add up to, as of the last run."""

from clv import insights
from clv.api.blueprint import principal
from clv.dashboard.blueprint import blp, page


@blp.get("/")
def overview() -> str:
    """How many customers, what they are worth, how much is at risk, and whether it gets better."""
    tenant = principal().tenant
    return page("overview.html", tenant=tenant, summary=insights.summary(tenant))
