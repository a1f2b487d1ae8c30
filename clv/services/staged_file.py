"""A file of transactions on its way in: staged, with what there is to ask and to say about it.

The preview shows this, and the load merges it: both are made in the same steps.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from clv.db import Columns
from clv.db.clock import now_ms
from clv.domain import calendar
from clv.domain.calendar import FUTURE_TOLERANCE_MS
from clv.domain.time_zone import TimeZone
from clv.errors import Invalid
from clv.files.choices import Choices, Question
from clv.files.customers import PLACEHOLDERS
from clv.files.reader import File
from clv.files.row_mapping import UNKNOWN_STATE, Outcome
from clv.files.tally import Rejected
from clv.files.transactions import TransactionFile
from clv.services.preview import CurrencyTotal, Warned
from clv.store import mappings, staged_figures, staged_orders, staging
from clv.store.staged_figures import Figures
from clv.store.tenants import Tenant

# A word such as "guest" stands for several people if it has at least this share of the rows.
LEAST_PLACEHOLDER_SHARE = 0.01
# A customer with a larger share of the transactions may be no person.
LARGE_CUSTOMER_SHARE = 0.05
# With fewer transactions a share says nothing, and neither does it that everybody has bought once.
MIN_TRANSACTIONS_FOR_SHARE = 50
MIN_TRANSACTIONS_FOR_ONCE = 10


@dataclass(frozen=True, slots=True)
class Manner:
    """How a file is to be staged.

    :param is_partial: it is only the first part of a file
    :param is_preview: keep what a preview shows of single rows
    :param holds: a bad line keeps its customer's day as it is stored
    :param replaces: the tenant keeps nothing else
    :param replay_until_day: move the whole history so that its last day is this day since 1970
    :param progress: called before each block of rows is staged
    """

    is_partial: bool = False
    is_preview: bool = False
    holds: bool = False
    replaces: bool = False
    replay_until_day: int | None = None
    progress: Callable[[], None] = lambda: None


@dataclass(slots=True)
class StagedFile:
    """A file whose transactions are staged, but for those that do not count.

    :param staged: the number of its rows that are staged; 0 also if the mapping is not known
    :param currency: of the amounts; None if the file does not say
    :param days_held: customer-days that stay as they are stored, for a bad line names them
    """

    source: TransactionFile
    outcome: Outcome
    zone: TimeZone
    staged: int = 0
    currency: str | None = None
    currencies: list[CurrencyTotal] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    warnings: list[Warned] = field(default_factory=list)
    figures: Figures | None = None
    days_held: int = 0
    is_detailed: bool = False


def stage(
    tenant: Tenant, file: File, choices: Choices, rejected: Rejected, manner: Manner
) -> StagedFile:
    """Read a file to its end and stage its transactions as daily summaries.

    :param rejected: collects the bad lines, also when the file is refused
    :raises Invalid: when it is no file of transactions, or a choice does not fit it
    :raises TooLarge: when it inflates to more than it may
    """
    zone = tenant.settings.zone
    source = TransactionFile(
        file,
        choices,
        zone,
        calendar.latest_ms(time.time()),
        lambda header_key: mappings.recalled(tenant.id, header_key),
        manner.is_partial,
    )
    staged = StagedFile(source, Outcome(rejected), zone)
    staged.questions.extend(source.questions)
    if source.mapping is not None:
        _stage_rows(staged, manner)
        _leave_out(staged, source.mapping.order_lines)
        _settle_currency(staged, tenant)
        _ask_states(staged)
        _aggregate(staged, manner)
    staged.warnings.extend(Warned(*warning) for warning in source.warnings)
    _warn(staged, tenant, manner)
    return staged


def _stage_rows(staged: StagedFile, manner: Manner) -> None:
    source, outcome = staged.source, staged.outcome
    mapper = source.mapper(outcome, is_detailed=manner.is_preview, holds=manner.holds)
    blocks = _with_progress(source.staged(mapper, outcome), manner)
    staged.staged = staging.stage_transactions(blocks, mapper.is_detailed)
    staged.is_detailed = mapper.is_detailed


def _with_progress(blocks: Iterator[Columns], manner: Manner) -> Iterator[Columns]:
    for block in blocks:
        manner.progress()
        yield block


def _leave_out(staged: StagedFile, order_lines: str) -> None:
    """Leave out those who stand for several people, and an order's further lines."""
    left_out = staged.outcome.left_out
    for group in staging.leave_out_placeholders(PLACEHOLDERS, LEAST_PLACEHOLDER_SHARE):
        reason = f"no customer: '{group.what}' stands for several people"
        left_out.add(reason, group.lines, group.rows, group.total)
    if order_lines != "each":
        for group in staged_orders.join_orders(order_lines):
            left_out.add("the order is there already", group.lines, group.rows, group.total)


def _settle_currency(staged: StagedFile, tenant: Tenant) -> None:
    """Decide which currency counts, and leave out the amounts in others."""
    if not staged.is_detailed:
        staged.currency = staged.source.resolved.fixed_currency
        _check_currency(staged.currency, tenant)
        return
    totals = [CurrencyTotal(*total) for total in staging.staged_currencies()]
    fixed = staged.source.resolved.fixed_currency
    named = [total.currency for total in totals if total.currency]
    kept = fixed or (tenant.currency if tenant.customers else None)
    if kept is None and len(named) > 1:
        staged.questions.append(_question_of_currency(totals))
    elif kept is None:
        kept = named[0] if named else None
    _check_currency(fixed, tenant)
    staged.currency, staged.currencies = kept, totals
    if kept and any(code != kept for code in named):
        _keep_currency(staged, kept, tenant)


def _keep_currency(staged: StagedFile, kept: str, tenant: Tenant) -> None:
    left_out = staged.outcome.left_out
    for group in staging.keep_currency(kept):
        left_out.add(f"the amount is in {group.what}", group.lines, group.rows, group.total)
    remaining = [total for total in staged.currencies if total.currency in (kept, None)]
    if not remaining:
        others = ", ".join(str(total.currency) for total in staged.currencies)
        raise Invalid(
            f"All amounts of the file are in {others}, but the tenant's are in {kept}. Say what one"
            f" unit is worth in {kept}, such as rate={others[:3]}:0.92.",
            {"query": {"rate": [f"Is needed for {others}."]}},
        )


def _check_currency(code: str | None, tenant: Tenant) -> None:
    if code and tenant.customers and code != tenant.currency:
        raise Invalid(
            f"currency: The tenant's amounts are in {tenant.currency}, and amounts in {code} can't"
            f" be added to them. Say what one {code} is worth, such as rate={code}:0.92.",
            {"query": {"currency": [f"Must be {tenant.currency}, as the tenant's data is."]}},
        )


def _question_of_currency(totals: list[CurrencyTotal]) -> Question:
    sums = "; ".join(
        f"{total.currency}: {total.transactions:,} transactions" for total in totals if total.currency
    )
    return Question(
        "currency",
        tuple(total.currency for total in totals if total.currency),
        f"The file has several currencies ({sums}), and amounts of different currencies can't be"
        " added up. Which one counts? The others are left out, or converted by a rate.",
    )


def _ask_states(staged: StagedFile) -> None:
    unknown = staged.outcome.unknown_states
    if not unknown:
        return
    counting = staged.outcome.counting_states
    states = ", ".join(f"'{state}' ({rows:,} rows)" for state, rows in unknown.most_common(10))
    staged.questions.append(
        Question(
            "keepStates",
            (*sorted(counting), *(state for state, _ in unknown.most_common())),
            f"Which states count as a sale? It is not known whether these do: {states}.",
        )
    )


def _aggregate(staged: StagedFile, manner: Manner) -> None:
    shift = _shift_days(staged, manner.replay_until_day) if staged.staged else 0
    staged.days_held = staging.aggregate_transactions(staged.zone, shift)
    too_large = staging.staged_out_of_range()
    if too_large:
        raise Invalid(f"The transactions of {too_large[0]} on {too_large[1]} add up to too much.")
    staged.figures = staged_figures.figures()


def _shift_days(staged: StagedFile, replay_until_day: int | None) -> int:
    """By how many days the staged transactions are moved."""
    if replay_until_day is None:
        return 0
    first_ms, last_ms = staging.staged_contacts()
    first_day, last_day = staged.zone.day(first_ms), staged.zone.day(last_ms)
    shift = replay_until_day - last_day
    if first_day + shift < 0:
        raise Invalid("Replayed until that day the history would begin before 1970.")
    if replay_until_day > staged.zone.day(now_ms() + FUTURE_TOLERANCE_MS):
        raise Invalid("Replayed until that day the history would end in the future.")
    return shift


def _warn(staged: StagedFile, tenant: Tenant, manner: Manner) -> None:
    figures = staged.figures
    if figures is None or not figures.transactions:
        return
    one_each = figures.customers == figures.transactions
    if one_each and figures.transactions >= MIN_TRANSACTIONS_FOR_ONCE:
        staged.warnings.append(
            Warned(
                "one_order_each",
                f"Each of the {figures.customers:,} customers has exactly one order. Is"
                f" {_shown(staged)} really the customer, and not the order?",
            )
        )
    largest = figures.largest_customer
    share = largest.transactions / figures.transactions if largest else 0
    if share > LARGE_CUSTOMER_SHARE and figures.transactions >= MIN_TRANSACTIONS_FOR_SHARE:
        staged.warnings.append(
            Warned(
                "large_customer",
                f"{largest.customer_id} has {largest.transactions:,} of the"
                f" {figures.transactions:,} transactions ({share:.0%}). Is this one customer?",
            )
        )
    if tenant.customers and not manner.replaces and manner.replay_until_day is None:
        _warn_of_older_file(staged, staged_figures.newest_day(tenant.id))


def _warn_of_older_file(staged: StagedFile, newest_day: str | None) -> None:
    last_day = staged.figures.last_day if staged.figures else None
    if newest_day and last_day and last_day < newest_day:
        staged.warnings.append(
            Warned(
                "older_file",
                f"The newest transaction of the file is of {last_day}; the tenant has data until"
                f" {newest_day}.",
            )
        )


def _shown(staged: StagedFile) -> str:
    mapping = staged.source.mapping
    return "'" + "', '".join(mapping.customer if mapping else ()) + "'"
