"""What columns are called, by what they mean: English, German, French, Spanish, Italian, Dutch,
Polish and Portuguese names.

A name is compared as :func:`words` writes it. Of a meaning with several groups, the first group has
the best columns; two columns of one group are equally good.
"""

import re
import unicodedata
from functools import cache, lru_cache

from clv.budgets import MAX_COLUMNS

Groups = tuple[str, ...]

# An id that is named for the customer; one of somebody who may also be the shop's own: a cashier.
CUSTOMER_ID = (
    "(customer|client|buyer|shopper|purchaser|household|cust)"
    " ?(unique )?(id|no|nr|number|num|key|code|ref|reference|uid|uuid|#)",
    "(kunden?|kaufer|mitglieds?|debitoren?|besteller|kd)"
    " ?(id|nr|no|nummer|schlussel|code|konto|#)|debitor",
    "(id|code|codice|codigo|numero|num|numer|nr|no|n) ?(du |de |del |do |d )?"
    "(client|cliente|acheteur|comprador|klienta|acquirente)",
    "(client|cliente|klienta) ?(id|no|numero|num|codigo|code)|klant(en)? ?(id|nr|nummer|code)",
)
USER_ID = (
    "(contact|account|member|user) ?(id|no|nr|number|num|key|code|ref|reference|uid|uuid|#)",
    "(nutzer|benutzer|konto) ?(id|nr|no|nummer|schlussel|code|#)",
    "(usuario|utilisateur|utente) ?(id|no|numero|num|codigo|code)",
    "(id|code|codice|numero|num|no|n) ?(du |de |del |do |d )?(usuario|utilisateur|utente)",
)
EMAIL = (
    "e ?mail|mail|courriel|e ?mail (address|adresse|kunde)|(customer|client|buyer|kunden?|kaufer)"
    " ?e ?mail( address| adresse)?|adresse (e ?mail|mail)"
    "|e ?mail ?(adresse )?(des|der) (kaufers|kunden)|correo( electronico)?"
    "|email (du |del |do )?(client|cliente)"
    "|(contact|user|member|account) e ?mail( address)?|e ?mail ?adres|adres e ?mail"
    "|klant(en)? ?e ?mail|indirizzo e ?mail|endereco de e ?mail",
    "billing (email|e mail)( address)?|rechnungs ?e ?mail|purchase email|order email",
)
CUSTOMER = (
    "customer|kunde|kunden|client|cliente|buyer|kaufer|besteller|acheteur|comprador|shopper"
    "|(buyer|customer) user ?name|user ?name buyer|klant|koper|klient|kupujacy|acquirente"
    "|(nutzer|benutzer)name (des|der) (kaufers|kunden)",
)
USER = ("user|member|username|user ?name|nutzername|benutzername|account",)
PHONE = (
    "((customer|client|buyer|contact|billing|kunden?) ?)?"
    "(phone|mobile|cell|telephone|tel|handy|telefono?|mobil|telefone|celular|whatsapp)"
    "( ?(no|nr|number|nummer|numero))?|telefoonnummer|(telefon|handy|mobil)nummer|numer telefonu",
)
NAME = (
    "(customer|client|buyer|full|billing|contact|kunden?|kaufer) ?name"
    "|name (des|der) (kaufers|kunden)|nom( du)? client|nom complet|nombre (del )?cliente"
    "|nombre completo|nome (do |del )?cliente|nome completo|klant ?naam|imie i nazwisko"
    "|nazwa klienta",
)
# Who works for the shop, or sells there, or may be the shop: money goes from one to another.
STAFF = re.compile(
    r"\b(staff|seller|merchant|vendor|shop|store|employee|agent|rep|owner|cashier|created by"
    r"|entered by|sales|support|supplier|to|recipient|from|sender"
    r"|verkaufer|mitarbeiter|bearbeiter|kassierer|filiale|absender|empfanger|vendeur|vendedor|venditore|verkoper|medewerker|sprzedawca)s?\b"
)
TIME = (
    "(order|purchase|sale|sales|transaction|trans|ordered|purchased)"
    " ?(date|time|timestamp|datetime|date ?time|at|on)"
    "|date of (order|purchase|sale)|(bestell|kauf|auftrags|verkaufs|umsatz|transaktions)"
    " ?(datum|zeit|zeitpunkt)|datum (der bestellung|des kaufs)|(bestellt|gekauft|verkauft) am"
    "|date (de |d )?(la )?(commande|achat|vente|transaction)|date ?(ordered|purchased)"
    "|fecha (de |del )?(la )?(pedido|compra|venta|transaccion|orden)|order (created|placed)( at)?"
    "|data (del |dell |di )?(ordine|acquisto|vendita|transazione)"
    "|data (do |da |de )?(pedido|compra|venda|transacao)|(bestel|order|aankoop|verkoop) ?datum"
    "|data (zamowienia|zakupu|sprzedazy)",
    "date|datum|fecha|day|tag|timestamp|time stamp|datetime|date ?time|zeitpunkt|zeitstempel"
    "|date und uhrzeit|datum uhrzeit|datum zeit|event (date|time|timestamp)|jour"
    "|data|giorno|dag|data (e |y )?ora|data e hora|(date|fecha) (et|y) (heure|hora)|date and time",
    "(created|creation|erstellt?|erstellungs|angelegt|aanmaak) ?(at|on|date|time|am|datum)?"
    "( ?(date|time))?|date (created|added|de creation)|date add|fecha de creacion|cree le"
    "|data (di )?creazione|data (de |da )?criacao|data utworzenia",
    "(invoice|rechnungs|beleg|buchungs|booking|posting) ?(date|datum|time)"
    "|date (de )?(la )?(facture|facturation)|fecha (de )?(la )?(factura|facturacion)|factuur ?datum"
    "|data (della )?fattura|data (da )?fatura|data (wystawienia|faktury)",
    "(paid|payment|bezahlt?|zahlungs) ?(at|on|date|time|am|datum)|date paid|date de paiement"
    "|fecha de pago|betaal ?datum|data (di |do )?pagamento|data platnosci",
)
# Whose only date is no purchase.
OTHER_TIME = re.compile(
    r"birth|geburt|naissance|nacimiento|nascita|geboorte|urodzenia|\bship|versand|liefer|deliver"
    r"|livraison|entrega|consegna|\bdue\b|fallig|echeance|vencimiento|scadenza|expir|valid|gultig"
    r"|updat|modif|geandert|\blast\b|letzt|dernier|ultim|\bnext\b|regist|sign ?up|joined|since"
    r"|\bstart|\bend(s|ed)?\b|cancel|storn|refund|return|erstattet|payout|settle|estimated|arriv"
    r"|check ?(in|out)|fulfil|dispatch|available|trial|renew"
)
CLOCK = (
    "time|uhrzeit|zeit|heure|hora|ora|tijd|godzina|time of day|(order|purchase) time|bestellzeit",
)
ZONE = ("time ?zone|zeitzone|fuseau horaire|zona horaria",)
# The amount of an order; one of either an order or a line; one that stands beside another.
ORDER_AMOUNT = (
    "(order|grand|invoice|cart|basket|checkout|bill|receipt)"
    " ?(total|amount|value|sum|price|revenue)"
    "|total ?(order|invoice)( value| amount)?|(bestell|auftrags|rechnungs|gesamt|warenkorb)"
    " ?(wert|summe|betrag|preis)|montant (de la |de )?commande|total (de la |de )?commande"
    "|(importe|total) (del |de )?(pedido|compra|orden|factura)|totale (dell )?(ordine|fattura)"
    "|(importo|valore) (dell )?ordine|(valor|total) (total )?(do )?pedido"
    "|(bestel|order|factuur|eind) ?(bedrag|totaal|waarde)|(wartosc|kwota|suma) zamowienia"
)
AMOUNT = (
    "(total|amount|sum|value|revenue|sales|turnover|spend|spent|payment|purchase|transaction|sale)"
    "( ?(total|amount|value|paid|spent|revenue|sales|sum))?|total price|paid amount|money"
    "|converted amount|amount converted"
    "|betrag|summe|umsatz|gesamt|wert|erlos|einnahmen|zahlbetrag|endbetrag|kaufbetrag"
    "|gesamt ?umsatz|summe gesamt|betrag gesamt|montant( total)?|somme"
    "|chiffre d affaires"
    "|importe( total)?|monto( total)?|total pagado|ingresos|totale( pagato)?|importo( totale)?"
    "|bedrag|totaal ?(bedrag|prijs)?|omzet|valor( total)?|total pago|kwota|wartosc|razem|suma"
    "|total (ht|ttc|net)|bruto|neto"
    "|(net|gross) ?(total|amount|sales|revenue|value|sum)?"
    "|(netto|brutto|gesamt) ?(betrag|umsatz|summe|wert|preis|gesamt)?"
    "|(after|before) (tax|discount)|net|gross|netto|brutto"
)
LINE_AMOUNT = (
    "(line|row|position|positions|zeilen) ?(total|amount|price|summe|betrag|preis|value|wert)"
    "|(line ?)?item ?(total|amount|value)|artikel ?(summe|betrag)|(extended|ext) price"
)
UNIT_PRICE = (
    "(unit|per unit|piece|each) ?(price|cost)|price ?(per|each) ?(unit|piece|item)?|einzelpreis"
    "|stuckpreis|preis (pro|je) (stuck|einheit)|einzel ?preis|prix unitaire|precio unitario"
    "|prezzo unitario|stuks?prijs|preco unitario|cena jednostkowa|unit ?amount"
)
PRICE = (
    "price|preis|prix|precio|prezzo|prijs|preco|cena|kaufpreis|(item|product|sales) price"
    "|sale price|selling price"
)
ORDER = (
    "order ?(id|no|nr|number|num|key|code|ref|reference|name|#)?"
    "|(bestell|auftrags) ?(nr|no|nummer|id|#)|bestellung|auftrag|commande|pedido"
    "|(numero|no|n|id|ref|reference) ?(de |du |del |d )?(la )?(commande|pedido|orden)"
    "|(commande|pedido) ?(id|no|#)|bestel ?(nummer|nr)|order ?nummer|bestelling|ordine|zamowienie"
    "|(numero|n|no|nr|id) ?(dell |del |do )?(ordine|pedido)|(numer|nr|id) zamowienia",
    "invoice ?(id|no|nr|number|num|#)?|rechnungs ?(nr|no|nummer|id)|rechnung"
    "|(numero|no|n) ?(de |du |della )?(la )?(facture|factura|fattura|fatura)|facture|factura"
    "|factuur ?(nummer|nr)|fattura|(numer|nr) faktury",
    "(transaction|trans|purchase|sale|receipt|basket|checkout|ticket) ?(id|no|nr|number|num|#)"
    "|(transaktions|beleg|bon|kassenbon|vorgangs) ?(nr|no|nummer|id)|receipt|bon|ticket",
)
CURRENCY = (
    "currency|(currency|iso|currency iso) code|(order|transaction|payment|presentment) currency"
    "|wahrung|waehrung|wahrungscode|ccy|devise|monnaie|moneda|divisa"
    "|valuta|moeda|waluta|(order|transaction) currency code",
    r"[\w ]*(currency|wahrung|devise|moneda|valuta)[\w ]*",
)
QUANTITY = (
    "quantity|qty|units|pieces|(item|order|line ?item|units?) ?(quantity|qty)|units sold"
    "|menge|anzahl|stuckzahl|stuck|quantite|qte|cantidad|cant|quantita"
    "|aantal|quantidade|ilosc",
)
DISCOUNT = (
    "(total ?)?discounts?( ?(amount|total|value|rate|percent))?|rabatt|nachlass|remise|descuento"
    "|sconto|korting|desconto|rabat"
)
REFUND = (
    "(partial )?refunds?|refunded|(partial |partially |order |total )?(refund|refunded)"
    " ?(amount|total|value)"
    "|(amount|total|value) (refund|refunded)"
    "|total refunds?|ruckerstattung|ruckerstattet|erstattung|erstattet|erstattungs ?(betrag|summe)"
    "|(erstatteter|ruckerstatteter) betrag|ruckzahlung|gutschrift|ruckerstattungs ?betrag"
    "|returned amount|montant rembourse|rembourse|remboursement|reembolso|importe reembolsado"
    "|(importo )?rimbors(o|ato)|terugbetaald|terugbetaling|valor reembolsado|zwrot"
    "|refunds? (issued|given)"
)
STATE = (
    "status|state|zustand|(order|bestell|auftrags|bestellungs|financial|payment|zahlungs|transaction"
    "|transaktions|invoice|rechnungs) ?(status|state)|statut|etat|estado|stage"
    "|(statut|etat) (de la |de )?commande|estado (del|do) pedido|bezahlstatus"
    "|stato( (dell )?ordine)?|(bestel|betaal) ?status|status (zamowienia|pedido)|situacao"
    "|(deal|order) stage|order payment status|order state|result|outcome|ergebnis|resultat",
    r"[\w ]+ ?(status|statut)",
)
CANCELLED = (
    "cancell?ed (at|on|date)|cancell?ation date|(storniert|abgebrochen) am|storno ?datum"
    "|date (d )?annulation",
    "(cancell?(ed|ation)?|void) ?(reason|by|comment)|storno ?grund|stornierungs ?grund"
    "|motif (d )?annulation|motivo (de )?(la )?(cancelacion|anulacion)",
    "storniert|storno|(is )?(cancell?ed|void(ed)?)|annulee?|cancelad[oa]|anulad[oa]|annullat[oa]"
    "|geannuleerd|anulowan[eya]",
)
ISO = r"(?<![^\W_])(eur|usd|gbp|chf|jpy|cad|aud|nzd|sek|nok|dkk|pln|czk|huf|brl|mxn|inr)(?![^\W_])"
IN_UTC = re.compile(r"(?<![^\W_])(utc|gmt)(?![^\W_])", re.IGNORECASE)
# What kind of transaction a row is: a sale, a refund, a fee. A document may be a credit note, which
# in a list of payments would be money that came in.
DOCUMENT_KIND = (
    "(document|doc|invoice|beleg|dokument|rechnungs|bon) ?(type|kind|typ|art)|belegart"
    "|tipo (de |di )?(documento|factura|fattura)|type de (document|piece|facture)|typ dokumentu"
)
KIND = (
    "type|typ|art|kind|(transaction|trans|txn|event|record|entry|sale|sales|payment|row|line|order)"
    " ?(type|kind)|event( name)?|action|activity( type)?|(transaktions|vorgangs|buchungs|zahlungs)"
    " ?(art|typ)|vorgang|type (de |d )?(transaction|operation|vente)|operation"
    "|tipo( (de |di )?(transaccion|transazione|transacao|operacion|operazione|movimiento))?"
    "|soort|rodzaj|transactie ?type"
)
# Something came back, but not how much.
COME_BACK = re.compile(
    r"\b(refund|refunds|refunded|returned|returns?|retouren?|retourniert|(ruck|zuruck)?erstattet"
    r"|charge ?backs?|reversals?|reimburse(d|ment)|(ruck)?erstattung"
    r"|rembourse|remboursement|reembolso|reembolsado|rimborso|gutschrift)\b"
)
NET = re.compile(r"\b(net|netto|neto)\b", re.IGNORECASE)
# Yes or no.
IS_CANCELLED = f"{CANCELLED[2]}|is (deleted|test)|(deleted|test) ?(order)?|geloscht"
IS_REFUNDED = (
    "((is|fully|was) )?(refunded|returned)|full refund|(ruck|zuruck)?erstattet|remboursee?"
    "|reembolsad[oa]|rimborsat[oa]|terugbetaald|retourniert|zwrocone"
)
IS_PAID = (
    "((is|was) )?(paid|captured|successful|success|completed|approved|valid)|bezahlt|payee?"
    "|pagad[oa]|pagat[oa]|betaald|oplacone|bezahlt ja nein"
)
# Behind the name of an amount.
TAX = re.compile(
    " (net|gross|netto|brutto|bruto|neto|ht|ttc"
    "|(incl?|inkl|inc|excl?|exkl|ex|zzgl|with|without|mit|ohne)"
    "( (tax|taxes|vat|gst|mwst|mw st|ust|tva|iva|btw|shipping|versand))?)$"
)
# What a name is compared without: "in EUR".
CODES = rf"{ISO}|{IN_UTC.pattern}|\b(euro|in|en)\b"


def group(name: str, groups: Groups) -> int | None:
    """The number of the first group that has this column; None if none has."""
    plain = words(name)
    return next((i for i, names in enumerate(groups) if _form(names).fullmatch(plain)), None)


def has(name: str, names: str) -> bool:
    """Whether a column is called one of these."""
    return _form(names).fullmatch(words(name)) is not None


def is_of_staff(name: str) -> bool:
    """Whether a column is about somebody who works for the shop, or sells there."""
    return STAFF.search(words(name)) is not None


def comes_back(name: str) -> bool:
    """Whether a column is about refunds or returns, in whatever way."""
    return COME_BACK.search(words(name)) is not None


def is_net(name: str) -> bool:
    """Whether a column is an amount from which something was taken."""
    return NET.search(name.replace("_", " ")) is not None


def is_other_time(name: str) -> bool:
    """Whether a column has another time than that of a purchase: a birthday, a delivery."""
    return OTHER_TIME.search(words(name)) is not None


def currency(name: str) -> str | None:
    """The currency that a column's name tells: ``EUR`` in ``Betrag (€)``."""
    for sign, code in (("€", "EUR"), ("£", "GBP"), ("euro", "EUR")):
        name = re.sub(rf"{sign}\b" if sign.isalpha() else sign, f" {code} ", name, flags=re.I)
    codes = {code.upper() for code in re.findall(ISO, name, re.IGNORECASE)}
    return codes.pop() if len(codes) == 1 else None


# Names come from files, so not all of them are kept.
@lru_cache(MAX_COLUMNS)
def words(name: str) -> str:
    """A name in lower case, as single words, without accents, brackets and currencies.

    ``OrderTotal (€)``, ``order_total`` and ``Order total in EUR, net`` are all ``order total``.
    """
    name = re.sub(r"(?<=[a-zäöüß])(?=[A-ZÄÖÜ])", " ", unicodedata.normalize("NFC", name))
    base = unicodedata.normalize("NFKD", name.replace("ß", "ss").replace("#", " # ").casefold())
    letters = "".join(char for char in base if not unicodedata.combining(char)).replace("ł", "l")
    plain = re.sub(r"[^\w#]|_", " ", letters)
    shorter = " ".join(re.sub(CODES, " ", plain).split())
    return TAX.sub("", re.sub(r"\bamt\b", "amount", shorter or " ".join(plain.split())))


@cache
def _form(names: str) -> re.Pattern[str]:
    return re.compile(f"(?:{names})")
