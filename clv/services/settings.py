"""Changes a tenant's settings, and suggests at-risk days."""

import re
from dataclasses import replace
from typing import Any

from clv.db.clock import now_ms
from clv.domain import overview
from clv.domain.overview import Suggestion
from clv.domain.settings import ScoreSettings
from clv.errors import Invalid
from clv.services import snapshots
from clv.services.snapshots import Survey
from clv.store import tenants, totals
from clv.store.tenants import Tenant


def suggest_at_risk_days(tenant: Tenant) -> Suggestion | None:
    """At-risk days that fit the gaps between contacts, and what they would change. None when
    nobody returned, or when the summaries have no days (alltime)."""
    tenant = tenants.tenant_by_id(tenant.id)
    now, at_risk_days = now_ms(), tenant.settings.at_risk_days
    days = suggested_days(tenant, snapshots.survey(tenant.id, tenant.settings, now))
    if days is None:
        return None
    share_now = totals.share_at_risk(tenant.id, now, at_risk_days)
    return Suggestion(days, share_now, totals.share_at_risk(tenant.id, now, days))


def suggested_days(tenant: Tenant, survey: Survey) -> int | None:
    """The days alone: those that a run finds with its survey, too."""
    if tenant.period_type in (None, "alltime"):
        return None
    return overview.suggested_days(totals.contact_gaps(tenant.id, survey.sample))


def change_settings(tenant: Tenant, changes: dict[str, Any]) -> Tenant:
    """Change some settings: the names of :class:`ScoreSettings`, and ``currency``. Stored scores
    change with their next computation. Returns the tenant as it is then.

    :raises Invalid: naming each setting that is out of its range
    """
    scores = {name: value for name, value in changes.items() if name != "currency"}
    with tenants.locked(tenant.id):
        # As they are now: two who each change one setting must not undo each other's.
        tenant = tenants.tenant_by_id(tenant.id)
        currency = changes.get("currency", tenant.currency)
        if not re.fullmatch("[A-Z]{3}", currency):
            raise Invalid("currency: Must be three capital letters of ISO 4217, such as USD.")
        tenants.save_settings(tenant.id, changed_settings(tenant, scores), currency)
    return tenants.tenant_by_id(tenant.id)


def changed_settings(tenant: Tenant, changes: dict[str, Any]) -> ScoreSettings:
    """The tenant's settings with changes; nothing is stored.

    :raises Invalid: naming each setting that is out of its range
    """
    settings = replace(tenant.settings, **changes)
    problems = settings.problems()
    if problems:
        raise Invalid(" ".join(f"{name}: {text}" for name, text in problems.items()))
    return settings
