"""Files of small shops in many languages, which no profile knows: what comes out of them."""

import pytest

from clv.errors import Invalid
from tests.unit.files.small_shops import load, preview, transactions


@pytest.mark.parametrize(
    "text, expected",
    [
        (
            "Kunde;Datum;Betrag\nK1;03.04.2026;12,50\nK2;05.04.2026;1.200,00\nSumme;;1.212,50",
            ["K1 2026-04-03 12.50", "K2 2026-04-05 1200.00"],
        ),
        (
            "Nº de pedido;Fecha;Cliente;Correo electrónico;Base imponible;IVA;Total;Estado\n"
            "1;13/04/2026;Ana;ana@example.es;48,60;10,20;58,80;Completado\n"
            "2;15/04/2026;Eva;eva@example.es;10,00;2,10;12,10;Cancelado",
            ["ana@example.es 2026-04-13 58.80"],
        ),
        (
            "Numero ordine;Data ordine;Cliente;Email;Imponibile;IVA;Totale;Stato\n"
            "1;13/04/2026;Anna;anna@example.it;48,20;10,60;58,80;Pagato\n"
            "2;15/04/2026;Ciro;ciro@example.it;10,00;2,20;12,20;Annullato",
            ["anna@example.it 2026-04-13 58.80"],
        ),
        (
            "Bestelnummer;Besteldatum;Klant;E-mailadres;BTW;Totaalbedrag;Status\n"
            "1;13-04-2026;Anna;anna@example.nl;10,20;€ 58,80;Betaald\n"
            "2;15-04-2026;Cy;cy@example.nl;2,10;€ 12,10;Geannuleerd",
            ["anna@example.nl 2026-04-13 58.80"],
        ),
        (
            "Numer zamówienia;Data zamówienia;E-mail;VAT;Wartość brutto;Status\n"
            "1;13.04.2026;anna@example.pl;11,00;58,80 zł;Opłacone\n"
            "2;15.04.2026;cy@example.pl;2,30;12,30 zł;Anulowane",
            ["anna@example.pl 2026-04-13 58.80"],
        ),
        (
            "Data do Pedido;E-mail;Valor Total;Frete;Status\n"
            "13/04/2026;ana@example.br;R$ 1.234,50;R$ 10,00;Pago\n"
            "15/04/2026;eva@example.br;R$ 58,80;R$ 10,00;Cancelado",
            ["ana@example.br 2026-04-13 1234.50"],
        ),
        (
            "Datum,Kunde,Betrag inkl. MwSt.,Trinkgeld\n2026-03-12,K1,3.50,1.00",
            ["K1 2026-03-12 3.50"],
        ),
        ("Client;Date;Montant\nC1;3 avril 2026;10,00 €", ["C1 2026-04-03 10.00"]),
        ("Cliente;Fecha;Importe\nC1;3 de marzo de 2026;10,00 €", ["C1 2026-03-03 10.00"]),
        ("Cliente;Data;Totale\nC1;15 luglio 2026;10,00 €", ["C1 2026-07-15 10.00"]),
        ("Klant;Datum;Bedrag\nC1;3 mrt 2026;€ 10,00", ["C1 2026-03-03 10.00"]),
        (
            'Customer,Date,Amount\nc1,"Thu, Mar 12, 2026 09:14 PM",10',
            ["c1 2026-03-12 10.00"],
        ),
        # Runs of blanks of any length, and others in front of the lines.
        (
            "customer_id  date  amount\n 00001 19970101   11.77\n 00002 19970112  12.00",
            ["00001 1997-01-01 11.77", "00002 1997-01-12 12.00"],
        ),
        # A report with a line below each customer.
        (
            "Customer,Date,Amount\nAnn,2026-03-12,10\nAnn,2026-03-13,20\nAnn Total,,30\n"
            "Bo,2026-03-14,5\nBo Total,,5\nGrand Total,,35",
            ["Ann 2026-03-12 10.00", "Ann 2026-03-13 20.00", "Bo 2026-03-14 5.00"],
        ),
    ],
)
def test_a_plain_file_is_read_without_a_question(shop, text, expected):
    assert transactions(shop, text) == expected


@pytest.mark.parametrize(
    "text, expected",
    [
        # Refunds and fees that only their kind tells.
        (
            "Date,Type,Customer Email,Amount\n2026-03-12,Sale,a@b.de,58.80\n"
            "2026-03-15,Refund,a@b.de,8.80\n2026-03-16,Fee,a@b.de,-1.80",
            ["a@b.de 2026-03-12 58.80", "a@b.de 2026-03-15 -8.80 correction"],
        ),
        (
            "Created,Type,Email,Amount\n2026-03-12,charge,a@b.de,58.80\n"
            "2026-03-15,refund,a@b.de,-8.80\n2026-03-16,payout,a@b.de,-50.00",
            ["a@b.de 2026-03-12 58.80", "a@b.de 2026-03-15 -8.80 correction"],
        ),
        (
            "Belegart;Belegnummer;Belegdatum;Kundennummer;Betrag brutto\n"
            "Rechnung;R1;13.03.2026;K1;100,00\nGutschrift;G1;14.03.2026;K1;20,00",
            ["K1 2026-03-13 100.00", "K1 2026-03-14 -20.00 correction"],
        ),
        # Who pays an invoice does not buy again.
        (
            "Date,Transaction Type,Customer,Amount\n2026-03-12,Invoice,c1,100.00\n"
            "2026-03-20,Payment,c1,100.00\n2026-03-21,Credit Memo,c1,-8.00",
            ["c1 2026-03-12 100.00", "c1 2026-03-21 -8.00 correction"],
        ),
        (
            "event_time,event_type,price,user_id\n2019-10-01 00:00:00 UTC,view,35.79,1\n"
            "2019-10-01 00:00:04 UTC,purchase,130.76,2\n2019-10-01 00:00:05 UTC,cart,130.76,3",
            ["2 2019-10-01 130.76"],
        ),
        # Columns of yes and no.
        (
            "Bestellnr;Datum;Kundennr;Betrag;Storniert\n1;13.03.2026;K1;10,00;nein\n"
            "2;14.03.2026;K2;20,00;ja",
            ["K1 2026-03-13 10.00"],
        ),
        (
            "order_id,created_at,customer_id,total,is_cancelled\n1,2026-03-12,c1,10,False\n"
            "2,2026-03-13,c2,20,True",
            ["c1 2026-03-12 10.00"],
        ),
        (
            "order_id,created_at,customer_id,total,refunded\n1,2026-03-12,c1,10,0\n"
            "2,2026-03-13,c2,20,1",
            ["c1 2026-03-12 10.00", "c2 2026-03-13 0.00"],
        ),
        (
            "Order ID,Order Date,Customer ID,Result,Amount\n"
            "1,13-Mar-2026 11:50 PM EST,c1,SUCCESS,10\n"
            "2,14-Mar-2026 11:50 PM EST,c2,FAIL,10",
            ["c1 2026-03-14 10.00"],
        ),
        (
            "created,customer,amount,paid\n2026-03-12,c1,10,true\n2026-03-13,c2,20,false",
            ["c1 2026-03-12 10.00"],
        ),
    ],
)
def test_rows_that_are_no_purchases_are_told_by_what_they_say(shop, text, expected):
    assert transactions(shop, text) == expected


ROWS = 250


@pytest.mark.parametrize(
    "column, cell, expected",
    [
        ("Refund", "4.00", "16.00"),
        ("Cancelled at", "2026-03-14", None),
        ("Storniert", "ja", None),
        ("Status", "cancelled", None),
        ("Refund Date", "2026-03-14", None),
    ],
)
def test_a_column_that_is_empty_in_the_first_rows_counts_all_the_same(shop, column, cell, expected):
    lines = [f"Customer ID,Date,Total,{column}"]
    lines += [f"c{number},2026-03-12,10.00," for number in range(ROWS)]
    text = "\n".join([*lines, f"late,2026-03-13,20.00,{cell}"])
    total = preview(shop, text).total
    assert total == (ROWS * 10 + float(expected or 0)) * 10_000


def test_a_kind_that_nobody_knows_is_a_question(shop):
    text = "Date,Type,Customer ID,Amount\n2026-03-12,Sale,c1,58.80\n2026-03-15,Tax return,c1,8.80"
    (question,) = preview(shop, text).questions
    assert (question.parameter, question.choices) == ("keepStates", ("Sale", "Tax return"))


@pytest.mark.parametrize(
    "text, parameter, choices",
    [
        # A cashier has many customers.
        (
            "Date,User ID,Customer,Total\n2026-03-12,7,Ann,10\n2026-03-13,7,Bo,20",
            "customer",
            ("User ID", "Customer"),
        ),
        ("Customer,Birthday,Amount\nc1,1980-03-12,10", "time", ("Birthday",)),
        ("Customer,Ship Date,Amount\nc1,2026-03-12,10", "time", ("Ship Date",)),
        (
            "Order Date,Customer ID,Total,Delivery Status\n2026-03-12,c1,10,Shipped\n"
            "2026-03-13,c2,20,Cancelled",
            "state",
            ("Delivery Status", ""),
        ),
        (
            "Order Date,Customer ID,Total,Vorgang (intern)\n2026-03-12,c1,10,bezahlt\n"
            "2026-03-13,c2,20,storniert",
            "state",
            ("Vorgang (intern)", ""),
        ),
        # All 0 so far: an amount, or no?
        (
            "Order Date,Customer ID,Total,Refunded\n2026-03-12,c1,10,0\n2026-03-13,c2,20,0",
            "refund",
            ("Refunded", ""),
        ),
        ("Kunde;Datum;Betrag\nK1;03.04.05;12,50", "dateOrder", ("ymd", "dmy")),
        # What was paid back may have been taken away already.
        (
            "Email,Date,Net Total,Refund Amount\na@b.de,2026-03-12,6,4",
            "refund",
            ("Refund Amount", ""),
        ),
        # Something came back, and nobody knows how much it was worth.
        (
            "Email,Date,Amount Paid,Refund Date\na@b.de,2026-03-12,6,2026-03-14",
            "refund",
            ("",),
        ),
        (
            "Order ID,Email,Date,Qty,Returned Qty,Line Total\n1,a@b.de,2026-03-12,2,1,20",
            "refund",
            ("Returned Qty", ""),
        ),
    ],
)
def test_what_only_a_person_knows_is_a_question(shop, text, parameter, choices):
    (question,) = preview(shop, text).questions
    assert (question.parameter, question.choices) == (parameter, choices)


@pytest.mark.parametrize("guest", ["", "guest", "0"])
def test_guests_without_an_id_have_addresses(shop, guest):
    text = f"Order,Date,Customer ID,Email,Total\n1,2026-03-13,{guest},a@b.de,5\n"
    assert transactions(shop, text + "2,2026-03-13,77,c@d.de,6") == [
        "a@b.de 2026-03-13 5.00",
        "c@d.de 2026-03-13 6.00",
    ]


def test_an_address_of_the_staff_is_no_customer(shop):
    text = "Date,Created by,Customer Name,Total\n2026-03-12,eve@shop.com,Ann Lee,10\n"
    assert transactions(shop, text) == ["Ann Lee 2026-03-12 10.00"]


def test_a_sign_of_several_currencies_is_not_added_to_another_currency(shop):
    text = "Customer,Date,Amount\nc1,2026-03-12,€10.00\nc2,2026-03-13,$20.00\n"
    (reason,) = preview(shop, text).bad_lines.reasons
    assert "Must have a code such as USD" in reason.message
    with pytest.raises(Invalid, match="Must have a code such as USD"):
        load(shop, text)


@pytest.mark.parametrize("header", ["customer_id,date,amount", "Email,Order Date,Total"])
def test_a_currency_that_comes_late_is_not_added_to_amounts_without_any(shop, header):
    lines = [header, *["a@b.de,2026-03-12,10.00"] * ROWS, "b@b.de,2026-03-13,€ 20.00"]
    with pytest.raises(Invalid, match="Must name no currency"):
        load(shop, "\n".join(lines))


def test_dotted_dates_have_the_day_first_unless_one_can_not(shop):
    text = "Customer,Date,Amount\nc1,03.04.2026,10\nc2,{},10\n"
    assert transactions(shop, text.format("05.04.2026"))[0] == "c1 2026-04-03 10.00"
    assert transactions(shop, text.format("04.15.2026"))[0] == "c1 2026-03-04 10.00"
    (question,) = preview(shop, text.format("05/04/2026")).questions
    assert question.choices == ("dmy", "mdy")
    assert question.message == (
        "Is the day or the month first? The dates fit both: 03.04.2026, 05/04/2026."
    )
