"""A tenant: create it, show and change its settings, suggest at-risk days, delete it."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from clv.auth.authentication import forget_keys
from clv.db.clock import now_ms
from clv.domain import overview, values
from clv.domain.overview import Suggestion
from clv.domain.settings import ScoreSettings
from clv.errors import Invalid
from clv.prediction.choice import Calibration
from clv.services import snapshots
from clv.services.snapshots import CustomerScan
from clv.store import contacts, tenants
from clv.store.tenants import Tenant

# The settings that no score depends on.
_OTHERS = ("currency", "gross_margin", "acquisition_cost")


@dataclass(frozen=True, slots=True)
class TenantSettings(ScoreSettings):
    """All settings of a tenant."""

    currency: str = "USD"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedSettings(TenantSettings):
    """All settings of a tenant, and what serves with them.

    :param gross_margin: the share of the revenue that is margin, 0 to 1
    :param acquisition_cost: of a new customer, in 1/10,000; None if it is not known
    :param serving: the models that predict revenue and churn, why, and since when
    """

    gross_margin: float
    acquisition_cost: int | None
    serving: Calibration


def create_tenant(name: str) -> Tenant:
    """A new tenant with the default settings.

    :raises Invalid: when the name is not one of lower-case letters, digits and hyphens
    :raises Conflict: when the name is taken
    """
    try:
        values.tenant_name(name)
    except ValueError as error:
        raise Invalid(f"The name: {error}") from None
    return tenants.create_tenant(name)


def delete_tenant(tenant: Tenant) -> None:
    """Delete a tenant with its data, keys and runs."""
    tenants.delete_tenant(tenant.id)
    forget_keys()


def tenant_settings(tenant: Tenant) -> TenantSettings:
    """All settings of a tenant."""
    return TenantSettings(**asdict(tenant.settings), currency=tenant.currency)


def served_settings(tenant: Tenant) -> ServedSettings:
    """All settings of a tenant, and what serves with them now."""
    return ServedSettings(
        **asdict(tenant_settings(tenant)),
        gross_margin=tenant.gross_margin,
        acquisition_cost=tenant.acquisition_cost,
        serving=snapshots.serving(tenant),
    )


def change_settings(tenant: Tenant, changes: Mapping[str, Any]) -> Tenant:
    """Change some settings: the names of :class:`ServedSettings` but for those about what serves.
    Stored scores change when they are computed again. Returns the tenant with its new settings.

    :raises Invalid: naming each setting that is out of its range
    """
    scores = {name: value for name, value in changes.items() if name not in _OTHERS}
    with tenants.locked(tenant.id):
        # Read under the lock: if two callers change one setting each, both changes must stay.
        tenant = tenants.tenant_by_id(tenant.id)
        others = {name: changes.get(name, getattr(tenant, name)) for name in _OTHERS}
        _check(**others)
        tenants.save_settings(tenant.id, changed_settings(tenant, scores), **others)
    return tenants.tenant_by_id(tenant.id)


def changed_settings(tenant: Tenant, changes: Mapping[str, Any]) -> ScoreSettings:
    """The tenant's settings with some changed; nothing is stored.

    :raises Invalid: naming each setting that is out of its range
    """
    settings = replace(tenant.settings, **changes)
    problems = settings.problems()
    if problems:
        raise Invalid(" ".join(f"{name}: {text}" for name, text in problems.items()))
    return settings


def suggest_at_risk_days(tenant: Tenant) -> Suggestion | None:
    """At-risk days that fit the gaps between contacts, and what they would change. None when
    nobody returned, or when the summaries have no days (alltime)."""
    tenant = tenants.tenant_by_id(tenant.id)
    now, at_risk_days = now_ms(), tenant.settings.at_risk_days
    zone = tenant.settings.zone
    days = suggested_days(tenant, snapshots.scan_customers(tenant.id, tenant.settings, now))
    if days is None:
        return None
    share_now = contacts.share_at_risk(tenant.id, now, at_risk_days, zone)
    return Suggestion(days, share_now, contacts.share_at_risk(tenant.id, now, days, zone))


def suggested_days(tenant: Tenant, scan: CustomerScan) -> int | None:
    """The suggested at-risk days alone, from the sample of a scan."""
    if tenant.period_type in (None, "alltime"):
        return None
    return overview.suggested_days(contacts.gaps(tenant.id, scan.sample, tenant.settings.zone))


def _check(currency: str, gross_margin: float, acquisition_cost: int | None) -> None:
    if not re.fullmatch("[A-Z]{3}", currency):
        raise Invalid("currency: Must be three capital letters of ISO 4217, such as USD.")
    if not 0 <= gross_margin <= 1:
        raise Invalid("gross_margin: Must be from 0 to 1.")
    if acquisition_cost is not None and acquisition_cost < 0:
        raise Invalid("acquisition_cost: Must be at least 0.")
