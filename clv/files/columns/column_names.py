"""What columns are called: English, German, French and Spanish names, by what they mean.

A name is compared as :func:`words` writes it. Of a meaning with several groups, the first group has
the best columns; two columns of one group are equally good.
"""

import re
import unicodedata
from functools import cache

Groups = tuple[str, ...]

# An id that is named for the customer; an e-mail address; a word that may mean either, or a name.
CUSTOMER_ID = (
    "(customer|client|buyer|shopper|purchaser|contact|account|member|user|household|cust)"
    " ?(id|no|nr|number|num|key|code|ref|reference|uid|uuid|#)",
    "(kunden?|kaufer|nutzer|benutzer|mitglieds?|konto|debitoren?|besteller|kd)"
    " ?(id|nr|no|nummer|schlussel|code|konto|#)|debitor",
    "(id|code|numero|num|no|n) ?(du |de |del |d )?(client|cliente|acheteur|comprador|usuario)",
    "(client|cliente|usuario|utilisateur) ?(id|no|numero|num|codigo|code)",
)
EMAIL = (
    "e ?mail|mail|courriel|e ?mail (address|adresse|kunde)|(customer|client|buyer|kunden?|kaufer)"
    " ?e ?mail( address| adresse)?|adresse (e ?mail|mail)|correo( electronico)?"
    "|email (du client|client|cliente)|contact email|user email",
    "billing (email|e mail)( address)?|rechnungs ?e ?mail|purchase email|order email",
)
CUSTOMER = (
    "customer|kunde|kunden|client|cliente|buyer|kaufer|besteller|user|member|acheteur|comprador"
    "|shopper|username|user ?name|(buyer|customer) user ?name|nutzername|benutzername|account",
)
NAME = (
    "(customer|client|buyer|full|billing|kunden?|kaufer) ?name|name (des|der) (kaufers|kunden)"
    "|nom( du)? client|nom complet|nombre( del)? cliente|nombre completo",
)
TIME = (
    "(order|purchase|sale|sales|transaction|trans|ordered|purchased)"
    " ?(date|time|timestamp|datetime|date ?time|at|on)"
    "|date of (order|purchase|sale)|(bestell|kauf|auftrags|verkaufs|umsatz|transaktions)"
    " ?(datum|zeit|zeitpunkt)|datum (der bestellung|des kaufs)|(bestellt|gekauft|verkauft) am"
    "|date (de |d )?(la )?(commande|achat|vente|transaction)|date ?(ordered|purchased)"
    "|fecha (de |del )?(la )?(pedido|compra|venta|transaccion|orden)|order (created|placed)( at)?",
    "date|datum|fecha|day|tag|timestamp|time stamp|datetime|date ?time|zeitpunkt|zeitstempel"
    "|date und uhrzeit|datum uhrzeit|datum zeit|event (date|time|timestamp)|jour",
    "(created|creation|erstellt|erstellungs|angelegt)( ?(at|on|date|time|am|datum))?"
    "|date (created|added|de creation)|date add|fecha de creacion|cree le",
    "(invoice|rechnungs|beleg|buchungs|booking|posting) ?(date|datum|time)"
    "|date (de )?(la )?facture|fecha (de )?(la )?factura",
    "(paid|payment|bezahlt|zahlungs) ?(at|on|date|time|am|datum)|date paid|date de paiement"
    "|fecha de pago",
)
CLOCK = ("time|uhrzeit|zeit|heure|hora|time of day|(order|purchase) time|bestellzeit",)
ZONE = ("time ?zone|zeitzone|fuseau horaire|zona horaria",)
# The amount of an order; one of either an order or a line; one that stands beside another.
ORDER_AMOUNT = (
    "(order|grand|invoice|cart|basket|checkout|bill|receipt)"
    " ?(total|amount|value|sum|price|revenue)"
    "|total ?(order|invoice)( value| amount)?|(bestell|auftrags|rechnungs|gesamt|warenkorb)"
    " ?(wert|summe|betrag|preis)|montant (de la |de )?commande|total (de la |de )?commande"
    "|(importe|total) (del |de )?(pedido|compra|orden|factura)"
)
AMOUNT = (
    "(total|amount|sum|value|revenue|sales|turnover|spend|spent|payment|purchase|transaction|sale)"
    "( ?(total|amount|value|paid|spent|revenue|sales|sum))?|total price|paid amount|money"
    "|betrag|summe|umsatz|gesamt|wert|erlos|einnahmen|zahlbetrag|endbetrag|kaufbetrag"
    "|gesamt ?umsatz|summe gesamt|betrag gesamt|montant( total)?|somme"
    "|chiffre d affaires"
    "|importe( total)?|monto( total)?|total pagado|ingresos"
    "|(net|gross) ?(total|amount|sales|revenue|value|sum)?"
    "|(netto|brutto) ?(betrag|umsatz|summe|wert|preis|gesamt)?"
    "|(after|before) (tax|discount)|net|gross|netto|brutto"
)
LINE_AMOUNT = (
    "(line|row|position|positions|zeilen) ?(total|amount|price|summe|betrag|preis|value|wert)"
    "|(line ?)?item ?(total|amount|value)|artikel ?(summe|betrag)|(extended|ext) price"
)
UNIT_PRICE = (
    "(unit|per unit|piece|each) ?(price|cost)|price ?(per|each) ?(unit|piece|item)?|einzelpreis"
    "|stuckpreis|preis (pro|je) (stuck|einheit)|einzel ?preis|prix unitaire|precio unitario"
)
PRICE = "price|preis|prix|precio|kaufpreis|(item|product|sales) price|sale price|selling price"
ORDER = (
    "order ?(id|no|nr|number|num|key|code|ref|reference|name|#)?"
    "|(bestell|auftrags) ?(nr|no|nummer|id|#)|bestellung|auftrag|commande|pedido"
    "|(numero|no|n|id|ref|reference) ?(de |du |del |d )?(la )?(commande|pedido|orden)"
    "|(commande|pedido) ?(id|no|#)",
    "invoice ?(id|no|nr|number|num|#)?|rechnungs ?(nr|no|nummer|id)|rechnung"
    "|(numero|no|n) ?(de |du )?(la )?(facture|factura)|facture|factura",
    "(transaction|trans|purchase|sale|receipt|basket|checkout|ticket) ?(id|no|nr|number|num|#)"
    "|(transaktions|beleg|bon|kassenbon|vorgangs) ?(nr|no|nummer|id)|receipt|bon|ticket",
)
CURRENCY = (
    "currency|(currency|iso|currency iso) code|(order|transaction|payment|presentment) currency"
    "|wahrung|waehrung|wahrungscode|ccy|devise|monnaie|moneda|divisa",
)
QUANTITY = (
    "quantity|qty|units|pieces|(item|order|line ?item|units?) ?(quantity|qty)|units sold"
    "|menge|anzahl|stuckzahl|stuck|quantite|qte|cantidad|cant",
)
DISCOUNT = (
    "(total ?)?discounts?( ?(amount|total|value|rate|percent))?|rabatt|nachlass|remise|descuento"
)
REFUND = (
    "refund|refunds|(refund|refunded) ?(amount|total|value)|(amount|total|value) (refund|refunded)"
    "|total refunds?|ruckerstattung|ruckerstattet|erstattung|erstattet|erstattungs ?(betrag|summe)"
    "|(erstatteter|ruckerstatteter) betrag|ruckzahlung|gutschrift|ruckerstattungs ?betrag"
    "|returned amount|montant rembourse|rembourse|remboursement|reembolso|importe reembolsado"
)
# It may be an amount, a flag, or anything else about refunds.
ABOUT_REFUND = (
    r"(?!.*\b(id|nr|no|number|reference|date|time|at|on|by|reason|state|status|quantity|qty|count)\b)"
    r"(.* )?(refund(s|ed)?|returned|charge ?backs?|reversals?|reimburse(d|ment)"
    r"|(ruck|zuruck)?erstattet|zuruckgezahlt|rembourse|reembolsado)( .*)?"
)
STATE = (
    "status|state|zustand|(order|bestell|auftrags|bestellungs|financial|payment|zahlungs|transaction"
    "|transaktions|invoice|rechnungs) ?(status|state)|statut|etat|estado|stage"
    "|(statut|etat) (de la |de )?commande|estado del pedido|bezahlstatus",
)
CANCELLED = (
    "cancell?ed (at|on|date)|cancell?ation date|(storniert|abgebrochen) am|storno ?datum"
    "|date (d )?annulation",
)
ISO = r"(?<![^\W_])(eur|usd|gbp|chf|jpy|cad|aud|nzd|sek|nok|dkk|pln|czk|huf|brl|mxn|inr)(?![^\W_])"
IN_UTC = re.compile(r"(?<![^\W_])(utc|gmt)(?![^\W_])", re.IGNORECASE)
# Behind the name of an amount.
TAX = re.compile(
    " (net|gross|netto|brutto|ht|ttc"
    "|(incl?|inkl|inc|excl?|exkl|ex|zzgl|with|without|mit|ohne)"
    "( (tax|taxes|vat|gst|mwst|ust|tva|iva|shipping|versand))?)$"
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


def currency(name: str) -> str | None:
    """The currency that a column's name tells: ``EUR`` in ``Betrag (€)``."""
    for sign, code in (("€", "EUR"), ("£", "GBP"), ("euro", "EUR")):
        name = re.sub(rf"{sign}\b" if sign.isalpha() else sign, f" {code} ", name, flags=re.I)
    codes = {code.upper() for code in re.findall(ISO, name, re.IGNORECASE)}
    return codes.pop() if len(codes) == 1 else None


@cache
def words(name: str) -> str:
    """A name in lower case, as single words, without accents, brackets and currencies.

    ``OrderTotal (€)``, ``order_total`` and ``Order total in EUR, net`` are all ``order total``.
    """
    name = re.sub(r"(?<=[a-zäöüß])(?=[A-ZÄÖÜ])", " ", unicodedata.normalize("NFC", name))
    base = unicodedata.normalize("NFKD", name.replace("ß", "ss").replace("#", " # ").casefold())
    letters = "".join(char for char in base if not unicodedata.combining(char))
    plain = re.sub(r"[^\w#]|_", " ", letters)
    shorter = " ".join(re.sub(CODES, " ", plain).split())
    return TAX.sub("", re.sub(r"\bamt\b", "amount", shorter or " ".join(plain.split())))


@cache
def _form(names: str) -> re.Pattern[str]:
    return re.compile(f"(?:{names})")
