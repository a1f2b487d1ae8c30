"""A file of transactions on its way in: staged, with what there is to ask and to say about it.

The preview shows this, and the load merges it: both are made in the same steps.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from clv.db import Columns
from clv.db.clock import now_ms
from clv.domain import calendar
from clv.domain.calendar import FUTURE_TOLERANCE_MS
from clv.domain.time_zone import TimeZone
from clv.errors import Invalid
from clv.files.cells.customers import PLACEHOLDERS
from clv.files.choices import ORDER_LINES, Choices, OpenQuestions, Question, wrong_choice
from clv.files.rows.row_mapping import NO_CUSTOMER
from clv.files.rows.verdicts import MAX_UNKNOWN_STATES, Outcome
from clv.files.stream import File
from clv.files.tally import Rejected, TooManyBadLines
from clv.files.transactions import TransactionFile
from clv.services import file_currency, file_warnings
from clv.services.preview import CurrencyTotal, Warned
from clv.store import left_out, mappings, staged_days, staged_figures, staged_orders, staging
from clv.store.left_out import LeftOutRows
from clv.store.staged_figures import Figures
from clv.store.tenants import Tenant

REPEATED_ORDER = "the order is there already"
OF_SEVERAL_PEOPLE = "no customer: '{}' stands for several people"
OTHER_CURRENCY = "the amount is in {}"
# A file with so many transactions of one customer, and of nobody else, may name no customers.
MANY_OF_ONE_CUSTOMER = 1_000


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

    :param is_preview: what a preview shows of single rows was kept
    :param rows: the number of rows that were staged; 0 also if the mapping is not known
    :param currency: of the amounts; None if the file does not say
    :param currencies: what the file has in each, before others than that are left out
    :param figures: None if the mapping is not known
    :param days_held: customer-days that stay as they are stored, for a bad line names them
    """

    source: TransactionFile
    outcome: Outcome
    zone: TimeZone
    is_preview: bool
    rows: int = 0
    currency: str | None = None
    currencies: list[CurrencyTotal] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    warnings: list[Warned] = field(default_factory=list)
    figures: Figures | None = None
    days_held: int = 0

    @property
    def rows_that_count(self) -> int:
        """Rows that are neither bad nor left out."""
        left_out_rows = sum(tally.count for tally in self.outcome.left_out)
        return self.outcome.rows - self.outcome.rejected.count - left_out_rows

    def check_answered(self) -> None:
        """Check that nothing is open.

        :raises OpenQuestions: naming each question
        """
        if self.questions:
            raise OpenQuestions(self.questions)

    def leave_out(self, reason: str, groups: list[LeftOutRows]) -> None:
        """Count rows that were left out after staging.

        :param reason: with ``{}`` for what the rows of a group have in common
        """
        for group in groups:
            self.outcome.left_out.add(
                reason.format(group.value), group.lines, group.rows, group.total
            )


def stage(
    tenant: Tenant, file: File, choices: Choices, rejected: Rejected, manner: Manner
) -> StagedFile:
    """Read a file to its end and stage its transactions as daily summaries.

    :param rejected: collects the bad lines, also when the file is refused
    :raises Invalid: when it is no file of transactions, or a choice does not fit it
    :raises TooLarge: when it inflates to more than it may
    """
    zone = tenant.settings.zone
    with TransactionFile(
        file,
        choices,
        zone,
        calendar.latest_ms(time.time()),
        lambda header_key: mappings.recalled(tenant.id, header_key),
        manner.is_partial,
    ) as source:
        staged = StagedFile(source, Outcome(rejected), zone, manner.is_preview)
        staged.questions.extend(source.questions)
        with _until_too_bad(staged):
            if source.mapping is None:
                source.count(staged.outcome)
            else:
                _stage_rows(staged, file, manner)
    if source.mapping is not None:
        _join_orders(staged)
        _leave_out_nobody(staged)
        _settle_currency(staged, tenant, manner)
        _ask_states(staged)
        _aggregate(staged, manner)
        _ask_customer(staged)
    staged.warnings.extend(file_warnings.warnings_of(source, staged.figures))
    if tenant.customers and not manner.replaces and manner.replay_until_day is None:
        newest_day = staged_figures.newest_day(tenant.id)
        staged.warnings.extend(file_warnings.of_older_file(staged.figures, newest_day))
        staged.warnings.extend(file_warnings.of_other_days(tenant))
    return staged


def watched(
    blocks: Iterator[Columns], file: File, progress: Callable[[], None], texts: Sequence[int]
) -> Iterator[Columns]:
    """The blocks, each after a call of ``progress``, and after its disk was claimed.

    :param texts: which columns have texts of any length
    """
    for block in blocks:
        progress()
        file.effort.check()
        file.disk.grow(staging.disk_bytes(block, texts))
        yield block


def _stage_rows(staged: StagedFile, file: File, manner: Manner) -> None:
    source = staged.source
    mapper = source.mapper(staged.outcome, is_detailed=manner.is_preview, holds=manner.holds)
    texts = (0, 4) if mapper.is_detailed else (0,)
    blocks = watched(source.staged(mapper), file, manner.progress, texts)
    if manner.is_preview:
        blocks = _good_blocks(blocks, staged)
    staged.rows = staging.stage_transactions(blocks, mapper.is_detailed)


def _good_blocks(blocks: Iterator[Columns], staged: StagedFile) -> Iterator[Columns]:
    """The blocks up to the bad line that is one too many, for these are staged all the same."""
    with _until_too_bad(staged):
        yield from blocks


@contextmanager
def _until_too_bad(staged: StagedFile) -> Iterator[None]:
    """Read up to the bad line that is one too many. A preview shows what came before it, for that
    tells what is wrong with the file."""
    try:
        yield
    except TooManyBadLines:
        if not staged.is_preview:
            # What only a person knows may be why lines can't be read.
            staged.check_answered()
            raise
        if not staged.questions:
            staged.warnings.append(_stopped(staged.outcome.rejected))


def _stopped(rejected: Rejected) -> Warned:
    return Warned(
        "too_many_bad_lines",
        f"More than {rejected.most:,} lines can't be read, so reading stopped at line"
        f" {rejected.last_line:,}: what is shown here is of the lines before it. The file can't be"
        " loaded like this, not even by skipping bad lines.",
    )


def _join_orders(staged: StagedFile) -> None:
    mapping = staged.source.mapping
    if mapping is None or not mapping.order:
        return
    if mapping.order_lines != "each":
        staged.leave_out(REPEATED_ORDER, staged_orders.join_orders(mapping.order_lines))
    elif staged_orders.has_repeats():
        staged.questions.append(
            Question(
                "orderLines",
                ORDER_LINES,
                f"Orders of '{mapping.order[0]}' have several lines. Is the amount of an order the"
                " sum of its lines, or is it the same in each?",
            )
        )


def _leave_out_nobody(staged: StagedFile) -> None:
    """Leave out rows without a customer, or with a word that stands for several people."""
    staged.leave_out(NO_CUSTOMER, left_out.leave_out_nameless())
    staged.leave_out(OF_SEVERAL_PEOPLE, left_out.leave_out_placeholders(PLACEHOLDERS))


def _settle_currency(staged: StagedFile, tenant: Tenant, manner: Manner) -> None:
    """Decide which currency counts, and leave out the amounts in others."""
    fixed = staged.source.resolved.fixed_currency
    if fixed in dict(staged.source.choices.rates):
        # Its amounts are converted.
        fixed = None
    if staging.are_detailed():
        staged.currencies = [CurrencyTotal(*total) for total in left_out.staged_currencies()]
    own = tenant.currency if tenant.customers and not manner.replaces else None
    kept = file_currency.currency_that_counts(own, fixed, staged.currencies)
    if isinstance(kept, Question):
        staged.questions.append(kept)
        return
    staged.currency = kept
    if kept and any(total.currency not in (kept, None) for total in staged.currencies):
        staged.leave_out(OTHER_CURRENCY, left_out.keep_currency(kept))


def _ask_states(staged: StagedFile) -> None:
    unknown = staged.outcome.unknown_states
    if len(unknown) > MAX_UNKNOWN_STATES:
        examples = ", ".join(f"'{state[:40]}'" for state, _ in unknown.most_common(5))
        raise wrong_choice(
            "state",
            f"the column has more than {MAX_UNKNOWN_STATES} different cells of which nobody knows"
            f" whether they count as a purchase, such as {examples}. Name the column with the"
            " states of the orders, or leave it empty if there is none.",
        )
    if unknown:
        states = ", ".join(f"'{state}' ({rows:,} rows)" for state, rows in unknown.most_common(10))
        staged.questions.append(
            Question(
                "keepStates",
                (*sorted(staged.outcome.counting_states), *(s for s, _ in unknown.most_common())),
                f"Which states count as a purchase? Nobody knows it of {states}.",
            )
        )


def _aggregate(staged: StagedFile, manner: Manner) -> None:
    shift = 0
    if staged.rows and manner.replay_until_day is not None:
        shift = _shift_days(staged, manner.replay_until_day)
    staged.days_held = staged_days.aggregate_transactions(staged.zone, shift)
    too_large = staging.staged_out_of_range()
    if too_large:
        raise Invalid(f"The transactions of {too_large[0]} on {too_large[1]} add up to too much.")
    staged.figures = staged_figures.figures()


def _shift_days(staged: StagedFile, replay_until_day: int) -> int:
    """By how many days the staged transactions are moved."""
    first_ms, last_ms = staged_days.staged_contacts()
    shift = replay_until_day - staged.zone.day(last_ms)
    if staged.zone.day(first_ms) + shift < 0:
        raise Invalid("Replayed until that day the history would begin before 1970.")
    if replay_until_day > staged.zone.day(now_ms() + FUTURE_TOLERANCE_MS):
        raise Invalid("Replayed until that day the history would end in the future.")
    return shift


def _ask_customer(staged: StagedFile) -> None:
    """Ask whether the only customer of a large file is one."""
    source, figures = staged.source, staged.figures
    if source.mapping is None or figures is None or source.choices.customer is not None:
        return
    if figures.customers == 1 and figures.transactions >= MANY_OF_ONE_CUSTOMER:
        columns = "', '".join(source.mapping.customer)
        others = {*source.mapping.time, *(way.column for way in source.mapping.amounts)}
        names = [name for name, cells in source.columns(1) if cells and name not in others]
        staged.questions.append(
            Question(
                "customer",
                tuple(names),
                f"All {figures.transactions:,} transactions are of one customer,"
                f" '{figures.largest_customer}'. Does '{columns}' really name the customer?",
            )
        )
