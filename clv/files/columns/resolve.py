"""What the columns of a file mean: by the caller's choices, by its profile, or by their names."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from clv.errors import Invalid
from clv.files.choices import Choices, Question, wrong_choice
from clv.files.columns.chosen import choose, fixed_currency
from clv.files.columns.consequences import (
    named_currency,
    net_amounts,
    order_lines,
    time_zone,
    with_quantity,
    with_refunds,
)
from clv.files.columns.head import Head
from clv.files.columns.header import Header
from clv.files.columns.mapping import Amount, Mapping
from clv.files.columns.profile import Notice, Profile, all_profiles, profile_of
from clv.files.columns.proposal import Proposal, propose
from clv.files.names import PLAIN_COLUMNS, shown, spellings

MEANINGS = {
    "customer": "the customer",
    "time": "the time of the purchase",
    "amount": "the amount",
}


@dataclass(frozen=True, slots=True)
class Resolved:
    """What the columns of a file mean, as far as it is known.

    :param mapping: None as long as the customer, the time or the amount is not known: the
        questions say so
    :param questions: of the columns; those of their values come later
    :param warnings: codes and messages
    :param fixed_currency: of all amounts, where no column has it
    :param time_zone: of times without an offset, by the profile or by the name of their column;
        None: the tenant's
    """

    profile: Profile | None
    mapping: Mapping | None
    questions: tuple[Question, ...]
    warnings: tuple[tuple[str, str], ...]
    fixed_currency: str | None
    time_zone: str | None = None


def resolve(names: Sequence[str], rows: Sequence[Sequence[str]], choices: Choices) -> Resolved:
    """What the columns of a file mean. Choices win over the profile, column by column.

    :param names: the header
    :param rows: the first rows of data
    :raises Invalid: if a chosen column or the chosen profile does not exist; if a used name stands
        in the header twice; if the file is of a known layout that can't be loaded
    """
    header = Header(names)
    head = Head(header, rows)
    plain = None if choices.profile else _plain(header, head)
    profile = None if plain else _profile(header, choices)
    if plain:
        proposal = Proposal(plain)
    else:
        proposal = _of_profile(profile, head) if profile else propose(head)
    mapping = choose(proposal.mapping, header, choices, proposal.way)
    is_known = mapping.customer and mapping.time and mapping.amounts
    questions = [*proposal.questions, *_missing(mapping, head)]
    if profile is None:
        mapping = with_refunds(mapping)
    if profile is None or mapping.amounts != proposal.mapping.amounts:
        questions += net_amounts(mapping, choices)
    if mapping.amounts and proposal.quantity and choices.quantity is None:
        mapping, more = with_quantity(mapping, proposal.quantity)
        questions += more
    if is_known and mapping.order_lines == "each":
        mapping = replace(mapping, order_lines=order_lines(head, mapping))
    return Resolved(
        profile,
        mapping if is_known else None,
        _open(questions, choices),
        proposal.warnings,
        fixed_currency(header, choices) or proposal.currency or named_currency(mapping),
        profile.time_zone if profile else time_zone(mapping),
    )


def _plain(header: Header, head: Head) -> Mapping | None:
    """The mapping of the plain three columns, if the header has them. Nothing is asked about them;
    beside them only a currency and a state are used, since amounts of different currencies are
    never added up, and a cancelled order is none."""
    columns = [header.all(sorted(spellings(name))) for name in PLAIN_COLUMNS]
    if not all(columns):
        return None
    for twice in columns:
        if len(twice) > 1:
            raise Invalid(f"The header has both {' and '.join(twice)}: it must have one of them.")
    (customer,), (time,), (amount,) = columns
    proposal = propose(head)
    return Mapping(
        (customer,),
        (time,),
        (Amount(amount, currency=proposal.way.currency if proposal.way else None),),
        state=proposal.mapping.state,
        rules=proposal.mapping.rules,
    )


def _profile(header: Header, choices: Choices) -> Profile | None:
    """The profile that was chosen, or that the header has.

    :raises Invalid: if there is no such profile, or its files can't be loaded
    """
    known = {profile.name: profile for profile in all_profiles()}
    if choices.profile and choices.profile not in known:
        listed = ", ".join(known)
        raise wrong_choice(
            "profile", f'there is no "{shown(choices.profile)}". There are: {listed}.'
        )
    profile = profile_of(header.names) if choices.profile is None else known.get(choices.profile)
    if profile and profile.refusal:
        raise Invalid(profile.refusal)
    return profile


def _of_profile(profile: Profile, head: Head) -> Proposal:
    return Proposal(
        profile.mapping(head.header.names),
        tuple(_question(notice, head) for notice in profile.questions(head.header)),
        profile.warnings(head.header),
        profile.layout.currency,
    )


def _question(notice: Notice, head: Head) -> Question:
    none = () if notice.parameter in MEANINGS else ("",)
    choices = (*head.candidates(notice.parameter), *none)
    return Question(notice.parameter, choices, notice.message)


def _missing(mapping: Mapping, head: Head) -> tuple[Question, ...]:
    """Questions for what a file can't be loaded without."""
    parts = {"customer": mapping.customer, "time": mapping.time, "amount": mapping.amounts}
    used = {*mapping.customer, *mapping.time, *mapping.order, mapping.state}
    return tuple(
        Question(
            parameter,
            tuple(name for name in head.candidates(parameter) if name not in used),
            f"Which column is {MEANINGS[parameter]}? {head.header.listed()}",
        )
        for parameter, columns in parts.items()
        if not columns
    )


def _open(questions: Sequence[Question], choices: Choices) -> tuple[Question, ...]:
    """The questions that the choices leave, one for each parameter."""
    first: dict[str, Question] = {}
    for question in questions:
        first.setdefault(question.parameter, question)
    return tuple(
        question
        for parameter, question in first.items()
        if getattr(choices, parameter) in (None, (), ("",))
    )
