"""Erases a customer or a tenant for good."""

from clv.auth.authentication import forget
from clv.errors import NotFound
from clv.services.customers import NO_SUCH_CUSTOMER
from clv.store import summaries, tenants
from clv.store.tenants import Tenant


def delete_tenant(tenant: Tenant) -> None:
    """Delete a tenant with its data, keys and runs."""
    tenants.delete_tenant(tenant.id)
    forget()


def erase_customer(tenant: Tenant, customer_id: str) -> None:
    """Erase a customer's summaries, record, history and errors, also from a run that is going on.

    :raises NotFound: when there is nothing of this customer
    """
    if not summaries.erase_customer(tenant.id, customer_id):
        raise NotFound(NO_SUCH_CUSTOMER)
