"""Files of layouts that nobody knows: columns are taken by name and content, or asked for."""

import pytest

from tests.unit.files.small_files import brief, read


@pytest.mark.parametrize(
    "text, names, used",
    [
        (
            "Kunde;Bestelldatum;Betrag;Status\nK-1;01.03.2026;12,50;bezahlt\nK-2;2.3.2026;3;neu",
            "Kunde Bestelldatum Betrag",
            {"state": "Status"},
        ),
        (
            "Email,Order Date,Total\na@example.com,3/1/2026,$12.50",
            "Email Order Date Total",
            {},
        ),
        # CDNOW, with its quantities: the amount is that of the row.
        (
            "cust_id,purchase_date,quantity,amount\n1,19970101,1,11.77\n1,19970112,2,12.00",
            "cust_id purchase_date amount",
            {},
        ),
        # As on Kaggle.
        (
            "CustomerID,Gender,Age,Purchase Date,Purchase Amount (USD)\nC1,F,30,2026-01-01,5.5",
            "CustomerID Purchase Date Purchase Amount (USD)",
            {"currency": "USD"},
        ),
        (
            "transaction_id,timestamp,user_id,product,revenue\nt1,1773303242,u1,x,5.5",
            "user_id timestamp revenue",
            {"order": "transaction_id"},
        ),
        (
            "order_id,customer_id,order_date,sku,quantity,unit_price\n1,7,2026-01-01,x,2,3\n1,7,2026-01-01,y,2,3",
            "customer_id order_date unit_price",
            {"times": "quantity", "order": "order_id", "lines": "sum"},
        ),
        (
            "Order ID,Customer Email,Ordered at,Line total\n1,a@b.de,2026-01-01,3\n1,a@b.de,,4",
            "Customer Email Ordered at Line total",
            {"order": "Order ID", "lines": "sum"},
        ),
        (
            "Order ID,Customer ID,Date,Order Total,Item\n1,c,2026-01-01,30,x\n1,c,2026-01-01,30,y",
            "Customer ID Date Order Total",
            {"order": "Order ID", "lines": "first"},
        ),
        (
            "Bestellnummer;Kundennr.;Datum;Gesamtbetrag\n1;K1;01.03.2026;30,00\n1;;;",
            "Kundennr. Datum Gesamtbetrag",
            {"order": "Bestellnummer", "lines": "first"},
        ),
        (
            "Kundennummer;E-Mail;Rechnungsdatum;Rechnungsnummer;Bruttobetrag;Währung\n"
            "1;a@b.de;1.2.2026;R1;3,40 €;EUR",
            "Kundennummer Rechnungsdatum Bruttobetrag",
            {"order": "Rechnungsnummer", "currency": "Währung"},
        ),
        # An id that is not named for the customer is no better than an e-mail address.
        (
            "id,Email,Datum,Uhrzeit,Umsatz in EUR\n1,a@b.de,01.02.2026,10:30,3",
            "Email Datum Umsatz in EUR",
            {"clock": "Uhrzeit", "currency": "EUR"},
        ),
        (
            "Kunde;E-Mail-Adresse;Kaufdatum;Summe\nAnna Muster;a@b.de;01.02.2026;3,00",
            "E-Mail-Adresse Kaufdatum Summe",
            {},
        ),
        (
            "Client,Date de commande,Montant TTC,Statut\nC-9,12/03/2026,10,Livrée",
            "Client Date de commande Montant TTC",
            {"state": "Statut"},
        ),
        (
            "N° de commande;Adresse e-mail;Date;Total\n7;a@b.fr;12/03/2026;10,00",
            "Adresse e-mail Date Total",
            {"order": "N° de commande"},
        ),
        (
            "Número de pedido;Correo electrónico;Fecha del pedido;Importe total;Estado\n"
            "7;a@b.es;12/03/2026;10,00;Pagado",
            "Correo electrónico Fecha del pedido Importe total",
            {"order": "Número de pedido", "state": "Estado"},
        ),
        (
            "user_id,created_at,total,refunded_amount,currency,status\nu1,2026-01-01T10:00:00Z,9,1,eur,paid",
            "user_id created_at total",
            {"refund": "refunded_amount", "currency": "currency", "state": "status"},
        ),
        # A state of the USA is no state of an order.
        (
            "Buyer,State,Sale Date,Sales\nb1,CA,2026-01-01,9\nb2,TX,2026-01-02,9",
            "Buyer Sale Date Sales",
            {},
        ),
        # Nobody has paid anything back in the first rows; further ones may. No parts of a total are
        # the total.
        (
            "Email,Created At,Subtotal,Tax,Shipping,Total,Refund\na@b.de,2026-01-01,8,1,1,10,",
            "Email Created At Total",
            {"refund": "Refund"},
        ),
        (
            "Customer Number,Invoice,Invoice Date,Amount,Cancelled at\n4,I1,Mar 1 2026,10,",
            "Customer Number Invoice Date Amount",
            {"order": "Invoice", "cancelled": "Cancelled at"},
        ),
        # What is in the cells tells where names don't.
        (
            "Konto Nr,Wer,Wann,Betrag\n,a@b.de,2026-01-01,1\n,c@d.de,2026-01-02,2",
            "Wer Wann Betrag",
            {},
        ),
        (
            "Customer ID,Email,Date,Amount\n,a@b.de,2026-01-01,1\n,c@d.de,2026-01-02,2",
            "Email Date Amount",
            {},
        ),
        # Two numbers of the same orders.
        (
            "Order ID,Order Number,Email,Order Date,Order Total\n1,#1,a@b.de,2026-01-01,1",
            "Email Order Date Order Total",
            {"order": "Order ID"},
        ),
        (
            "customerName,orderDate,orderTotal,timeZone\nA,2026-01-01,1,Europe/Berlin",
            "customerName orderDate orderTotal",
            {"zone": "timeZone"},
        ),
        # Guests have no id.
        (
            "Customer ID,Email,Date,Total\n0,a@b.de,2026-01-01,1\n7,c@d.de,2026-01-02,2",
            "Email Date Total",
            {},
        ),
        # The same time twice, once exact.
        (
            "number,date_created,date_created_gmt,total,billing_email\n"
            "1,2026-03-12T23:30:00,2026-03-12T22:30:00,58.80,a@b.de",
            "billing_email date_created_gmt total",
            {},
        ),
        (
            "cust_id,tran_date,Qty,Rate,total_amt\n1,28-02-2014,-5,-7,35",
            "cust_id tran_date total_amt",
            {},
        ),
        (
            "Order ID,Customer ID,Order Date,Subtotal (inc tax),Order Total (inc tax)\n"
            "1,5,2026-03-12,50.00,58.80",
            "Customer ID Order Date Order Total (inc tax)",
            {"order": "Order ID"},
        ),
        # Whether all lines of an order cost the same, or repeat its total, has to be asked.
        (
            "Order ID,Email,Date,Total\n1,a@b.de,2026-01-01,30\n1,a@b.de,2026-01-01,30",
            "Email Date Total",
            {"order": "Order ID"},
        ),
        # Shipments have dates, too.
        (
            "Member ID,Ship Date,Order Date,Delivered,Price\nm,2026-01-03,2026-01-01,2026-01-05,1",
            "Member ID Order Date Price",
            {},
        ),
    ],
)
def test_columns_are_taken_that_fit_better_than_all_others(text, names, used):
    assert brief(text) == (names, used)


@pytest.mark.parametrize(
    "text, parameter, choices",
    [
        (
            "Email,Date,Net,Gross,Total\na@b.de,2026-01-01,8,9,10",
            "amount",
            ("Net", "Gross", "Total"),
        ),
        (
            "Kunde;Datum;Betrag netto;Betrag brutto\nK1;1.1.2026;1;2",
            "amount",
            ("Betrag netto", "Betrag brutto"),
        ),
        # What the shop gets, without fees, or what the customer paid.
        (
            "Email,Date,Sale Price ($),Net Total ($)\na@b.de,2026-01-01,12,10",
            "amount",
            ("Net Total ($)", "Sale Price ($)"),
        ),
        ("Email,Date,Unit Price\na@b.de,2026-01-01,3", "amount", ("Unit Price",)),
        (
            "customer_id,customer_unique_id,date,total\nc1,u1,2026-01-01,3",
            "customer",
            ("customer_id", "customer_unique_id"),
        ),
        (
            "Account ID,Close Date,Amount Currency,Amount,Amount (converted)\n1,2026-01-01,EUR,3,4",
            "amount",
            ("Amount", "Amount (converted)"),
        ),
        # The shop's address or the customer's, according to where the money went.
        (
            "Date,From Email Address,To Email Address,Gross\n2026-01-01,a@b.de,c@d.de,3",
            "customer",
            ("From Email Address", "To Email Address", "Gross"),
        ),
        (
            "Email,Date,Amount EUR,Amount USD\na@b.de,2026-01-01,8,9",
            "amount",
            ("Amount EUR", "Amount USD"),
        ),
        ("Email,Date,Subtotal,Cost\na@b.de,2026-01-01,8,9", "amount", ("Subtotal", "Cost")),
        ("Email,Date\na@b.de,2026-01-01", "amount", ()),
        (
            "customer_number,user_id,date,total\n1,2,2026-01-01,3",
            "customer",
            ("customer_number", "user_id"),
        ),
        ("Name,Date,Total\nMug,2026-01-01,3", "customer", ("Name", "Total")),
        (
            "Email,Order Date,Purchase Date,Total\na@b.de,2026-01-01,2026-01-02,3",
            "time",
            ("Order Date", "Purchase Date"),
        ),
        ("Email,Shipped,Total\na@b.de,soon,3", "time", ()),
        # The discount may be a share, and may have been taken away already.
        (
            "Email,Date,Unit Price,Quantity,Discount\na@b.de,2026-01-01,3,2,0.2",
            "amount",
            ("Unit Price",),
        ),
        (
            "Email,Date,Price,Quantity\na@b.de,2026-01-01,3,2",
            "quantity",
            ("Quantity", ""),
        ),
        (
            "Email,Date,Total,Order Status,Payment Status\na@b.de,2026-01-01,3,shipped,refunded",
            "state",
            ("Order Status", "Payment Status", ""),
        ),
        (
            "Email,Date,Total,Refund,Total Refunded\na@b.de,2026-01-01,3,1,2",
            "refund",
            ("Refund", "Total Refunded", ""),
        ),
    ],
)
def test_where_no_column_fits_better_than_others_it_is_a_question(text, parameter, choices):
    (question,) = read(text).questions
    assert (question.parameter, question.choices) == (parameter, choices)
    has_proposal = parameter not in ("customer", "time", "amount") or len(choices) == 1
    assert (read(text).mapping is not None) == has_proposal


def test_times_are_in_utc_if_their_column_says_so():
    text = "Email,{},Total\na@b.de,2026-01-01 10:00,3"
    for name, zone in (("Date (UTC)", "UTC"), ("order_date_gmt", "UTC"), ("Date", None)):
        assert read(text.format(name)).time_zone == zone
    assert read("Created (UTC),Amount,Customer Email").time_zone == "UTC"


def test_a_refunded_order_counts_for_nothing_where_no_column_says_how_much_came_back():
    text = "Email,Date,Total,Status\na@b.de,2026-01-01,3,paid"
    rules = read(text).mapping.rules
    assert [(rule.reason != "", "refunded" in rule.values) for rule in rules] == [
        (False, True),
        (True, False),
    ]
    assert read(text.replace("\n", ",Refund\n", 1) + ",1").mapping.rules == ()


def test_customers_that_are_names_are_warned_of():
    warnings = read("Kunde;Datum;Betrag\nAnna Muster;01.02.2026;3").warnings
    assert [code for code, _ in warnings] == ["names"]
    assert read("Kunde;Datum;Betrag\n4711;01.02.2026;3").warnings == ()
