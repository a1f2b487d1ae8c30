"""What rows of an unknown layout say of themselves: that they are refunds, fees, cancelled."""

from collections.abc import Collection
from dataclasses import dataclass

from clv.files.choices import Question
from clv.files.columns import column_names as called
from clv.files.columns.cell_forms import NUMBER
from clv.files.columns.mapping import Rule
from clv.files.columns.states import plain, words
from clv.files.columns.untaken import Columns
from clv.files.names import shown

_INVOICES = words("invoice; sales invoice; rechnung; facture; factura; fattura; factuur; faktura")
_PAYMENTS = words("payment; zahlung; paiement; pago; pagamento; betaling; customer payment")
SALES = (
    _INVOICES
    | _PAYMENTS
    | words(
        """
    sale; sales; order; purchase; charge; capture; sales receipt; receipt; renewal; subscription;
    recurring; verkauf; bestellung; kauf; vente; achat; commande; venta; compra; pedido; vendita;
    ordine; acquisto; verkoop; bestelling; venda; sprzedaż
    """
    )
)
REFUNDS = words(
    """
    refund; partial refund; full refund; payment refund; refund receipt; return; returns;
    credit note; credit memo; creditmemo; chargeback; reversal; storno; stornorechnung;
    rechnungskorrektur; rückerstattung; erstattung; retoure; rückgabe; avoir; remboursement; retour;
    reembolso; devolución; nota de crédito; rimborso; reso; nota di credito; creditnota;
    terugbetaling; zwrot
    """
)
# In a list of payments, this is money that came in.
_CREDITS = words("gutschrift; rechnungsgutschrift; credit")
OTHERS = words(
    """
    fee; fees; payout; payouts; transfer; withdrawal; hold; release; authorization; authorisation;
    void; conversion; currency conversion; quote; estimate; delivery note; proforma; pro forma;
    proforma invoice; gebühr; gebühren; auszahlung; überweisung; autorisierung; angebot;
    kostenvoranschlag; lieferschein; devis; frais; virement; comisión; transferencia; presupuesto;
    commissione; preventivo; uitbetaling; offerte; kosten;
    view; page view; cart; add to cart; remove from cart; begin checkout; add payment info;
    add shipping info; view item; view cart; click; search; login; session start; wishlist;
    add to wishlist; scroll; first visit; user engagement
    """
)
_YES = frozenset(
    "yes y true t 1 x ja j wahr oui o vrai sí si s vero verdadero sim tak prawda ✓ ✔".split()
)
_NO = frozenset("no n false f 0 nein falsch non faux falso não nao nee nie - –".split())


@dataclass(frozen=True, slots=True)
class RowKinds:
    """What decides about rows besides their state.

    :param state: the column of their kinds, if some of these are not known: they have to be asked
    :param keep: the kinds that are, as :func:`clv.files.columns.states.plain` writes them
    """

    rules: tuple[Rule, ...] = ()
    state: str | None = None
    keep: frozenset[str] = frozenset()

    @property
    def tell_refunds(self) -> bool:
        """Whether they say which rows were paid back, or are refunds."""
        return any(not rule.reason for rule in self.rules)


def row_kinds(columns: Columns, has_refunds: bool) -> RowKinds:
    """What columns of kinds, and of yes and no, say about rows.

    :param has_refunds: another column has what was paid back
    """
    rules = [*_flags(columns, has_refunds)]
    unknown, keep = None, frozenset[str]()
    for groups, refunds in (
        ((called.DOCUMENT_KIND,), REFUNDS | _CREDITS),
        ((called.KIND,), REFUNDS),
    ):
        for name in columns.named(groups):
            kinds = set(map(plain, columns.head.cells(name)))
            if kinds & (SALES | refunds | OTHERS):
                rules += _rules(columns.take(name), kinds, refunds)
                unknown, keep = name, SALES | refunds | OTHERS
    return RowKinds(tuple(rules), unknown, keep)


def returns(columns: Columns, amount: str | None) -> list[Rule]:
    """What is to be done where columns are about refunds and no other tells how much came back: a
    question, or if they are empty so far, rows that are left out."""
    cells = columns.head.cells(amount) if amount else []
    if any(cell[0] in "-−(" or cell[-1] in "-−)" for cell in cells):
        return []
    if not any(question.parameter == "refund" for question in columns.questions):
        filled = [name for name in columns.left if called.comes_back(name)]
        if filled:
            about = ", ".join(map(shown, filled))
            message = f"How much was paid back, if anything? {about} may say so."
            choices = (*columns.of(NUMBER, filled), "")
            columns.questions.append(Question("refund", choices, message))
    reason = "paid back, by an amount that no column has"
    return [
        Rule(name, ("",), is_other=True, reason=reason, is_covering=True)
        for name in columns.empty
        if called.comes_back(name)
    ]


def _rules(name: str, kinds: Collection[str], refunds: frozenset[str]) -> list[Rule]:
    # Who pays an invoice does not buy a second time.
    has_both = not _INVOICES.isdisjoint(kinds) and not _PAYMENTS.isdisjoint(kinds)
    others = OTHERS | _PAYMENTS if has_both else OTHERS
    return [
        Rule(name, _spellings(others), reason="no purchase, but a fee, a payout or the like"),
        Rule(name, _spellings(refunds), sign="positive", is_negated=True),
    ]


def _flags(columns: Columns, has_refunds: bool) -> list[Rule]:
    """Rules of columns that say yes or no: cancelled, refunded, paid."""
    yes, no = tuple(_YES), tuple(_NO)
    rules = [
        Rule(name, yes, reason="cancelled", is_covering=True)
        for name in _yes_or_no(columns, called.IS_CANCELLED)
    ]
    rules += [
        Rule(name, no, reason="not paid", is_covering=True)
        for name in _yes_or_no(columns, called.IS_PAID)
    ]
    if not has_refunds:
        rules += [
            Rule(name, yes, sign="positive") for name in _yes_or_no(columns, called.IS_REFUNDED)
        ]
    return rules


def _yes_or_no(columns: Columns, names: str) -> list[str]:
    """Take the columns with these names that have only yes and no; or nothing so far."""
    filled = [name for name in columns.named((names,)) if columns.head.has_only(name, _YES | _NO)]
    empty = [name for name in columns.empty if called.has(name, names)]
    return list(map(columns.take, [*filled, *empty]))


def _spellings(kinds: Collection[str]) -> tuple[str, ...]:
    """Kinds as rules compare them: ``add to cart``, ``add_to_cart``, ``add-to-cart``."""
    return tuple(kind.replace(" ", sign) for kind in sorted(kinds) for sign in " _-")
