"""The navigation of the pages."""

from typing import NamedTuple

from flask import request

from clv.auth.principal import Principal, Role


class Place(NamedTuple):
    """An entry of the navigation, shown to keys of at least this role."""

    endpoint: str
    label: str
    role: Role = Role.VIEWER

    @property
    def is_here(self) -> bool:
        """Whether the current page belongs to it."""
        here = (request.endpoint or "").removeprefix("dashboard.")
        own = self.endpoint.removeprefix("dashboard.")
        return here == own or here.startswith(f"{own.rstrip('s')}_")


# The endpoints of a place are named after it: jobs, job_page, job_cancel.
PLACES = (
    Place("dashboard.overview", "Overview"),
    Place("dashboard.customers", "Customers"),
    Place("dashboard.data", "Data", Role.EDITOR),
    Place("dashboard.settings", "Settings"),
    Place("dashboard.jobs", "Jobs"),
    Place("dashboard.keys", "Keys", Role.ADMIN),
    Place("dashboard.backtest", "Backtest"),
)


def places(me: Principal | None) -> list[Place]:
    """The entries that this visitor may see; none before the sign-in."""
    return [place for place in PLACES if me is not None and me.role >= place.role]
