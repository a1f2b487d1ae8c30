"""What a person should look at before a file is loaded, each with its figure."""

from collections.abc import Iterator

from clv.files.transactions import TransactionFile
from clv.services.preview import Warned
from clv.store.staged_figures import Figures
from clv.store.tenants import Tenant

# A customer with a larger share of the transactions may be no person.
LARGE_SHARE = 0.05
# With fewer transactions neither such a share says anything, nor that everybody bought once.
MIN_FOR_SHARE = 50
MIN_FOR_ONCE = 10


def warnings_of(source: TransactionFile, figures: Figures | None) -> Iterator[Warned]:
    """What the file itself gives reason to ask.

    :param figures: None if it is not known what the columns are
    """
    yield from (Warned(*warning) for warning in source.warnings)
    if figures is None or not figures.transactions:
        return
    if figures.is_one_each and figures.transactions >= MIN_FOR_ONCE:
        columns = "', '".join(source.mapping.customer if source.mapping else ())
        yield Warned(
            "one_order_each",
            f"Each of the {figures.customers:,} customers has exactly one order. Does '{columns}'"
            " really name the customer, and not the order?",
        )
    share = figures.largest_transactions / figures.transactions
    if share > LARGE_SHARE and figures.transactions >= MIN_FOR_SHARE:
        yield Warned(
            "large_customer",
            f"'{figures.largest_customer}' has {figures.largest_transactions:,} of the"
            f" {figures.transactions:,} transactions ({share:.0%}). Is that one customer?",
        )


def of_older_file(figures: Figures | None, newest_day: str | None) -> Iterator[Warned]:
    """Whether the file is older than what is stored.

    :param newest_day: of the tenant's data; None without any
    """
    last_day = figures and figures.last_day
    if newest_day and last_day and last_day < newest_day:
        yield Warned(
            "older_file",
            f"The newest transaction of the file is of {last_day}, but there are data until"
            f" {newest_day} already.",
        )


def of_other_days(tenant: Tenant) -> Iterator[Warned]:
    """Whether the days of the tenant's data are those of another time zone."""
    zone = tenant.settings.time_zone
    if tenant.period_type == "daily" and tenant.days_time_zone != zone:
        yield Warned(
            "time_zone",
            f"The days of the present data are those of {tenant.days_time_zone}, but the time zone"
            f" is {zone} now. An order near midnight that is in both counts twice: load the whole"
            " history in one file that replaces everything.",
        )
