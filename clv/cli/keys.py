"""``flask keys``: creates, lists and revokes API keys."""

import click

from clv.auth import keys as auth_keys
from clv.auth.principal import ROLES, Role
from clv.cli.errors import plain_errors
from clv.db.clock import now_ms
from clv.domain import calendar
from clv.store import tenants


@click.group("keys")
def keys_group() -> None:
    """Create, list and revoke API keys."""


@keys_group.command("create")
@click.option("--tenant", "name", required=True, help="The tenant whose data the key opens.")
@click.option("--role", required=True, type=click.Choice(ROLES))
@click.option("--expires-days", type=click.IntRange(1, 36_500), help="Left out: never.")
@click.option("--label", default="", help="What the key is for.")
@plain_errors
def create_key(name: str, role: str, expires_days: int | None, label: str) -> None:
    """Create a key and print its token, this once."""
    tenant = tenants.tenant_by_name(name)
    click.echo(auth_keys.create_key(tenant, Role.parse(role), label, expires_days))


@keys_group.command("list")
@click.option("--tenant", "name", required=True)
@plain_errors
def list_keys(name: str) -> None:
    """List a tenant's keys by their public parts."""
    keys, now = auth_keys.keys_of_tenant(tenants.tenant_by_name(name)), now_ms()
    click.echo("public\trole\tstate\tcreated\texpires\tlast used\tlabel")
    for key in keys:
        state = "active" if key.is_active(now) else "expired"
        if key.revoked_ms is not None:
            state = "revoked"
        created, expires = calendar.iso(key.created_ms), calendar.iso(key.expires_ms) or "never"
        used = calendar.iso(key.last_used_ms) or "never"
        click.echo(f"{key.public}\t{key.role}\t{state}\t{created}\t{expires}\t{used}\t{key.label}")


@keys_group.command("revoke")
@click.argument("public")
@plain_errors
def revoke_key(public: str) -> None:
    """Revoke the key with this PUBLIC part for good."""
    auth_keys.revoke_key(public)
    click.echo("Revoked.", err=True)
