"""``flask tenants``: creates, lists, sets up and deletes tenants."""

from typing import Any

import click

from clv.cli.errors import plain_errors
from clv.domain import values
from clv.errors import Invalid
from clv.files.text import money
from clv.services import settings
from clv.store import tenants
from clv.store.tenants import Tenant

SUGGESTED = "suggested"
UNKNOWN = "none"


@click.group("tenants")
def tenants_group() -> None:
    """Create, list and set up tenants."""


@tenants_group.command("create")
@click.argument("name")
@plain_errors
def create_tenant(name: str) -> None:
    """Create the tenant NAME (lower-case letters, digits, hyphens)."""
    settings.create_tenant(name)
    click.echo(f"Created tenant {name}.", err=True)


@tenants_group.command("list")
@plain_errors
def list_tenants() -> None:
    """List the tenants with their settings."""
    click.echo(
        "name\tcustomers\tperiods\tweights R/F/M\tat-risk days\tlifespan\tshortest\tcurrency"
        "\tmodel\tchurn horizon\ttime zone\tgross margin\tacquisition cost"
    )
    for tenant in tenants.all_tenants():
        s = tenant.settings
        click.echo(
            f"{tenant.name}\t{tenant.customers}\t{tenant.period_type or '-'}\t"
            f"{s.weight_recency:g}/{s.weight_frequency:g}/{s.weight_monetary:g}\t{s.at_risk_days}\t"
            f"{s.lifespan_months}\t{s.min_tenure_months}\t{tenant.currency}\t{s.model}\t"
            f"{s.churn_horizon_days}\t{s.time_zone}\t{tenant.gross_margin:g}\t"
            f"{'-' if tenant.acquisition_cost is None else money(tenant.acquisition_cost)}"
        )


@tenants_group.command("set")
@click.argument("name")
@click.option("--weight-recency", type=float, help="0 to 1; the three weights sum to 1.")
@click.option("--weight-frequency", type=float, help="0 to 1.")
@click.option("--weight-monetary", type=float, help="0 to 1.")
@click.option("--at-risk-days", help=f"1 to 3650, or '{SUGGESTED}': from the tenant's own data.")
@click.option("--lifespan-months", type=int, help="1 to 120: what revenue is projected over.")
@click.option("--min-tenure-months", type=int, help="1 to 60: the shortest tenure in projections.")
@click.option("--model", help="auto: the better one; rfm or calibrated.")
@click.option("--churn-horizon-days", type=int, help="1 to 3650: of the calibrated model's churn.")
@click.option("--time-zone", help="Whose calendar days count, such as Europe/Berlin.")
@click.option("--currency", help="ISO 4217, for display only.")
@click.option("--gross-margin", type=float, help="0 to 1: the share of revenue that is margin.")
@click.option("--acquisition-cost", help=f"Of a new customer, or '{UNKNOWN}'.")
@plain_errors
def set_tenant(
    name: str,
    currency: str | None,
    at_risk_days: str | None,
    acquisition_cost: str | None,
    **given: Any,
) -> None:
    """Change settings of the tenant NAME; those left out stay as they are."""
    tenant = tenants.tenant_by_name(name)
    changes = {key: value for key, value in given.items() if value is not None}
    if at_risk_days is not None:
        changes["at_risk_days"] = _at_risk_days(tenant, at_risk_days)
    if currency is not None:
        changes["currency"] = currency
    if acquisition_cost is not None:
        changes["acquisition_cost"] = _acquisition_cost(acquisition_cost)
    changed = settings.change_settings(tenant, changes)
    click.echo(f"Saved. Scores change with the next run: flask compute --tenant {name}", err=True)
    if changed.customers and changed.settings.time_zone != tenant.settings.time_zone:
        click.echo(
            "Stored summaries stay on the days that they were loaded for: load your files again"
            " with --replace, or an order near midnight may count twice.",
            err=True,
        )


@tenants_group.command("delete")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Don't ask.")
@plain_errors
def delete_tenant(name: str, yes: bool) -> None:
    """Delete the tenant NAME with its data, keys and runs, for good."""
    tenant = tenants.tenant_by_name(name)
    if not yes:
        question = f"Delete {name} and the data of its {tenant.customers:,} customers for good?"
        click.confirm(question, abort=True, err=True)
    settings.delete_tenant(tenant)
    click.echo(f"Deleted tenant {name}.", err=True)


def _at_risk_days(tenant: Tenant, text: str) -> int:
    if text != SUGGESTED:
        try:
            return int(text)
        except ValueError:
            raise Invalid(f"--at-risk-days must be a number or '{SUGGESTED}'.") from None
    suggestion = settings.suggest_at_risk_days(tenant)
    if suggestion is None:
        raise Invalid("There is no suggestion: no customer has come back on another day yet.")
    return suggestion.days


def _acquisition_cost(text: str) -> int | None:
    if text == UNKNOWN:
        return None
    try:
        return values.amount(text)
    except ValueError as error:
        raise Invalid(f"--acquisition-cost, or '{UNKNOWN}': {error}") from None
