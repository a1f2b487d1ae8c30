"""Which states of an order count as a purchase, in the words that shops use.

What is not settled, a shipment that was returned, say, is in neither list: it has to be asked.
"""

import re
import unicodedata
from functools import lru_cache

from clv.budgets import MAX_CACHED_CELL

# In a profile's list: every other state.
OTHERS = "*"
# How states say that all was paid back, or a part.
REFUNDED = (
    *("refunded", "refund", "wc-refunded", "erstattet", "rückerstattet", "zurückerstattet"),
    *("rückerstattung", "remboursé", "remboursée", "reembolsado", "reembolsada"),
)
PARTLY_REFUNDED = (
    *("partially refunded", "partially_refunded", "partially-refunded", "partial refund"),
    *("teilweise erstattet", "teilerstattet", "teilerstattung"),
    *("partiellement remboursé", "partiellement remboursée"),
)


def counts(state: str, keep: frozenset[str], drop: frozenset[str]) -> bool | None:
    """Whether an order in this state counts as a purchase; None: nobody has said.

    ``counts("wc-on_hold", frozenset(), frozenset())`` is False. An empty state counts.

    :param keep: states that count, besides the usual ones, as :func:`plain` writes them;
        :data:`OTHERS` for all that do not stand in ``drop``
    :param drop: states that don't, likewise
    """
    word = plain(state)
    for is_kept, words in ((True, keep), (False, drop)):
        if word in words:
            return is_kept
    if OTHERS in keep or OTHERS in drop:
        return OTHERS in keep or not word
    if not word or word in KEPT:
        return True
    return False if word in LEFT_OUT else None


def plain(state: str) -> str:
    """A state as it is compared: ``Partially_Refunded`` and ``wc-partially-refunded`` are one."""
    return _cached_plain(state) if len(state) <= MAX_CACHED_CELL else _plain(state)


def _plain(state: str) -> str:
    words = re.sub(r"[_\-\s]+", " ", unicodedata.normalize("NFC", state).casefold()).strip()
    return words.removeprefix("wc ")


_cached_plain = lru_cache(4_096)(_plain)


def words(text: str) -> frozenset[str]:
    """The words, each of several parts maybe, that semicolons separate."""
    return frozenset(" ".join(words.split()) for words in text.split(";")) - {""}


# The order was paid, if only in part, or is on its way to the customer. One that was paid back is
# a visit, too: its amount is what is left.
KEPT = words(
    """
    paid; partially paid; partially refunded; partial refund; refunded; complete; completed;
    processing; in process; in progress; shipped; partially shipped; delivered; fulfilled;
    partially fulfilled; invoiced; approved; success; successful; succeeded; captured; settled;
    ok; finished; dispatched; confirmed; accepted; payment accepted; payment received;
    remote payment accepted; processing in progress; on backorder (paid); order completed;
    sent; in transit; ready; ready for pickup; picked up; closed won;
    bezahlt; teilweise bezahlt; teilbezahlt; teilweise erstattet; teilerstattet; erstattet;
    rückerstattet; zurückerstattet; abgeschlossen; erledigt; fertig; in bearbeitung;
    wird bearbeitet; in vorbereitung; versandt; versendet; teilweise versandt; verschickt;
    unterwegs; geliefert; zugestellt; ausgeliefert; fakturiert; berechnet; bestätigt; erfolgreich;
    vollständig bezahlt; komplett bezahlt; zahlung erhalten; zahlung akzeptiert;
    bezahlt und versandt; abgeholt; genehmigt; zahlung eingegangen; done;
    payé; payée; partiellement payé; partiellement payée; partiellement remboursé;
    partiellement remboursée; remboursé; remboursée; terminé; terminée; achevé; achevée; en cours;
    en cours de traitement; en cours de préparation; préparation en cours; en préparation;
    expédié; expédiée; envoyé; envoyée; livré; livrée; facturé; facturée; confirmé; confirmée;
    paiement accepté; paiement à distance accepté; validé; validée;
    unfulfilled; not fulfilled; unshipped; not shipped; nicht versandt; nicht versendet;
    completely paid; completely delivered; partially delivered; completely invoiced; complete paid;
    vollständig geliefert; teilweise geliefert; eingegangen; in zustellung; bezahlt & versandt;
    pagato; pagata; spedito; spedita; consegnato; consegnata; completato; completata; evaso; evasa;
    in lavorazione; in elaborazione; rimborsato; rimborsata; parzialmente rimborsato; confermato;
    betaald; verzonden; geleverd; bezorgd; voltooid; afgerond; in behandeling; verwerkt;
    terugbetaald; gedeeltelijk terugbetaald; bevestigd;
    opłacone; opłacony; opłacona; zapłacone; zapłacona; wysłane; wysłany; wysłana; dostarczone;
    dostarczona; zrealizowane; zrealizowana; zakończone; zakończona; w realizacji; zwrócone;
    pago; paga; concluído; concluída; entregue; faturado; faturada; aprovado; aprovada;
    em processamento; preparando entrega; despachado; reembolsado parcialmente; concluido;
    pagado; pagada; completado; completada; procesando; en proceso; enviado; enviada; entregado;
    entregada; reembolsado; reembolsada; facturado; pago aceptado;
    """
)
# Nothing was paid yet, or never will be.
LEFT_OUT = words(
    """
    authorized; authorised; pending; pending payment; payment pending; on hold; hold; holded;
    awaiting payment; unpaid; not paid; open; draft; checkout draft; quote; voided;
    void; expired; abandoned; cancelled; canceled; cancel; failed; fail; failure; payment failed;
    error; payment error; fraud; suspected fraud; rejected; refused; declined; denied;
    uncaptured; trash; deleted; incomplete; unavailable; payment review; requires payment method;
    requires action;
    requires confirmation; requires capture; awaiting bank wire payment; awaiting check payment;
    awaiting cash on delivery validation; on backorder (not paid); blocked; closed lost;
    order cancelled; order canceled; partially authorized;
    autorisiert; ausstehend; zahlung ausstehend; unbezahlt; nicht bezahlt; offen; zurückgestellt;
    warten auf zahlung; wartet auf zahlung; warten auf zahlungseingang; warte auf zahlung;
    in wartestellung; wartend; entwurf; angebot; verfallen; abgelaufen; abgebrochen; storniert;
    storno; annulliert; gekündigt; fehlgeschlagen; zahlung fehlgeschlagen; fehler; zahlungsfehler;
    betrug; betrugsverdacht; abgelehnt; gelöscht; teilweise autorisiert;
    autorisé; autorisée; en attente; en attente de paiement; en attente du paiement;
    en attente de paiement par chèque; en attente de virement bancaire; attente paiement; impayé;
    impayée; non payé; non payée; brouillon; devis; expiré; expirée; abandonné;
    abandonnée; annulé; annulée; échoué; échouée; erreur de paiement; fraude; refusé; refusée;
    rejeté; rejetée; supprimé; supprimée; échec;
    payment due; past due; overdue; uncollectible; lost; cancelled by customer; cancelled by buyer;
    cancelled by seller; customer cancelled; order canceled by customer; cancellation; voided out;
    überfällig; storniert durch kunde; kundenstorno; nicht abgeschlossen; stornierung;
    in attesa; in attesa di pagamento; non pagato; non pagata; annullato; annullata; cancellato;
    cancellata; fallito; fallita; rifiutato; rifiutata; scaduto; scaduta; bozza; sospeso;
    wacht op betaling; in afwachting; in de wacht; openstaand; niet betaald; onbetaald; geannuleerd;
    mislukt; geweigerd; verlopen; concept; betaling mislukt;
    oczekujące; oczekuje na płatność; oczekujące na płatność; nieopłacone; nieopłacona; wstrzymane;
    anulowane; anulowana; anulowany; odrzucone; nieudane; szkic;
    pendente; aguardando pagamento; não pago; não paga; recusado; recusada; expirado; rascunho;
    pendiente; pendiente de pago; en espera; sin pagar; borrador; caducado; cancelado; cancelada;
    anulado; anulada; fallido; fallida; error en pago; rechazado; rechazada;
    """
)
