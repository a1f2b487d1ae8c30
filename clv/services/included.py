"""Fills in what a list or a file is to include beside the records (``clv.files.included``)."""

from collections.abc import Callable
from dataclasses import dataclass

from clv.domain.groups import RfmShown
from clv.errors import Invalid
from clv.services import forecasts
from clv.store import rfm
from clv.store.listing import Listed
from clv.store.tenants import Tenant

# Completes the entries of a page.
Fill = Callable[[list[Listed]], list[Listed]]
_NEEDS_FORECAST = "Is of forecasts: needs include=forecast."


@dataclass(frozen=True, slots=True)
class Include:
    """What was asked for.

    :param words: of ``clv.files.included``
    :param horizon_days: of the forecasts; None for the usual one
    """

    words: tuple[str, ...] = ()
    horizon_days: int | None = None


NOTHING = Include()


def filling(tenant: Tenant, include: Include) -> Fill:
    """What completes each page of one list or file. What all of its pages share, such as the model,
    is read here, once.

    :raises Invalid: when the horizon does not fit
    """
    if include.horizon_days is not None and "forecast" not in include.words:
        raise Invalid(
            f"The request is not valid. horizonDays: {_NEEDS_FORECAST}",
            {"query": {"horizonDays": [_NEEDS_FORECAST]}},
        )
    fills = [_FILLS[word](tenant, include) for word in include.words if word in _FILLS]

    def fill(page: list[Listed]) -> list[Listed]:
        for each in fills:
            page = each(page)
        return page

    return fill


def _forecasts(tenant: Tenant, include: Include) -> Fill:
    horizon_days = forecasts.horizon(tenant, include.horizon_days)
    parameters = forecasts.serving(tenant)

    def fill(page: list[Listed]) -> list[Listed]:
        scores = [entry.scores for entry in page]
        [made] = forecasts.of_records(tenant, parameters, scores, [horizon_days])
        return [entry._replace(forecast=one) for entry, one in zip(page, made, strict=True)]

    return fill


def _rfm(tenant: Tenant, include: Include) -> Fill:
    def fill(page: list[Listed]) -> list[Listed]:
        # For each page, as the filter by group does: a run may have begun since the last one.
        starts = rfm.current_starts(tenant.id)
        if starts is None:
            return [entry._replace(rfm=RfmShown()) for entry in page]
        return [entry._replace(rfm=starts.rfm(entry.scores).shown) for entry in page]

    return fill


# By word. The others need nothing but the record.
_FILLS: dict[str, Callable[[Tenant, Include], Fill]] = {"rfm": _rfm, "forecast": _forecasts}
