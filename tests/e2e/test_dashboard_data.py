"""A shop owner at the page Data, in a real browser: from a file to the scored customers."""

import re

import pytest
from playwright.sync_api import Page, expect

# Invented, in the form of Shopify's Orders > Export: lines of one order, a sale without a customer,
# a partial refund, a voided order.
SHOPIFY = """\
Name,Email,Financial Status,Paid at,Fulfillment Status,Currency,Subtotal,Shipping,Taxes,Total,\
Discount Code,Discount Amount,Created at,Lineitem quantity,Lineitem name,Lineitem price,Notes,\
Cancelled at,Payment Method,Refunded Amount,Id,Phone
#1001,ann@example.com,paid,2026-03-12 09:14:03 +0100,fulfilled,EUR,53.90,4.90,9.39,58.80,,5.99,\
2026-03-12 09:14:02 +0100,2,Crew Tee,19.95,"Leave at door,
ring twice",,Shopify Payments,0.00,5550000000001,
#1001,ann@example.com,,,,,,,,,,,2026-03-12 09:14:02 +0100,1,Mug,19.99,,,,,,
#1002,,paid,2026-03-13 00:30:05 +0100,fulfilled,EUR,12.00,0.00,1.92,12.00,,0.00,\
2026-03-13 00:30:00 +0100,1,Sticker,12.00,,,Cash,0.00,5550000000002,
#1003,bo@example.com,partially_refunded,2026-03-14 10:00:00 +0100,fulfilled,EUR,"1,234.50",0.00,\
197.10,"1,234.50",,0.00,2026-03-14 09:59:00 +0100,1,Chair,1234.50,,,PayPal,234.50,5550000000003,
#1004,cy@example.com,voided,,unfulfilled,EUR,16.00,4.00,0.00,20.00,,0.00,\
2026-03-15 12:00:00 +0100,1,Print,16.00,,2026-03-15 13:00:00 +0100,,0.00,5550000000004,
"""
GERMAN = """\
Kunde;Bestelldatum;Betrag;Status
K-1;03.04.2026;1.234,50;bezahlt
K-2;05.04.2026;58,80;bezahlt
K-1;25.05.2026;12,00;storniert
K-3 Müller;28.05.2026;20,00;versandt
"""
# Only the dates leave a choice.
AMBIGUOUS = "customer_id,date,amount\nann,03/04/2026,5.00\nbo,05/06/2026,7.50\n"
BAD = "customer_id,date,amount\nann,2026-03-12,5.00\nbo,soon,1\ncy,later,2\ndee,2026-03-13,lots\n"
AMAZON = """\
"Includes Amazon Marketplace, Fulfillment by Amazon (FBA), and Amazon Webstore transactions"
"All amounts in USD, unless specified"
"date/time","settlement id","type","order id","sku","description","quantity","marketplace",\
"fulfillment","order city","order state","order postal","product sales","selling fees","fba fees",\
"other","total"
"Mar 12, 2026 9:14:02 AM PDT","1","Order","111-1","TEE","Crew Tee","1","amazon.com","Amazon","X",\
"WA","00000","19.99","-3.00","-4.00","0","12.99"
"""


@pytest.fixture
def give(tmp_path):
    """Choose a file with this text on the page Data: ``give(page, "orders.csv", text)``."""

    def choose(page: Page, name: str, text: str, encoding: str = "utf-8") -> None:
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        page.locator("input[type=file]").set_input_files(path)

    return choose


def preview_of(page: Page):
    return page.locator("#preview")


def load_button(page: Page):
    return page.locator("#load button")


def records(visitor, tenant):
    key = visitor.service.keys[tenant, "admin"]
    return visitor.service.ask("GET", "/clv/records?sort=customerId", key)["data"]


def test_an_owner_drops_a_shopify_export_and_sees_the_customers_scored_without_a_question(
    visitor, give
):
    page = visitor.sign_in("admin", tenant="shopify")
    page.get_by_role("link", name="Load a file").click()
    page.wait_for_url("**/data")
    visitor.check_access()
    give(page, "orders_export.csv", SHOPIFY)
    heading = page.get_by_role("heading", name="This is an export from Shopify")
    expect(heading).to_be_focused()
    expect(page.locator("#preview fieldset")).to_have_count(0)
    for words in ("1,058.80 EUR", "12 Mar to 14 Mar 2026", "3 of 5 rows do not count"):
        expect(preview_of(page)).to_contain_text(words)
    rows = page.get_by_role("region", name="The first rows").get_by_role("row")
    expect(rows).to_have_count(3)
    expect(rows.nth(2)).to_contain_text(re.compile("bo@example.com.*14 Mar 2026.*1,000.00"))
    visitor.check_access()
    load_button(page).click()
    page.wait_for_url("**/?notice=loaded")
    expect(page.get_by_role("status")).to_contain_text("The file is loaded")
    scored = records(visitor, "shopify")
    money = {record["customerId"]: record["rfmMonetary"] for record in scored}
    assert money == {"ann@example.com": 58.80, "bo@example.com": 1000.00}


def test_a_german_spreadsheet_is_read_without_a_question(visitor, give):
    page = visitor.sign_in("admin", tenant="german", at="/data")
    give(page, "Bestellungen.csv", GERMAN, "cp1252")
    expect(preview_of(page)).to_contain_text("1,313.30")
    expect(page.locator("#preview fieldset")).to_have_count(0)
    expect(page.get_by_role("region", name="Rows that do not count")).to_contain_text("storniert")
    page.get_by_text("How the file is read, and").click()
    columns = page.get_by_role("region", name="The columns of the file")
    expect(columns.get_by_role("row", name=re.compile("^Betrag"))).to_contain_text("1.234,50")
    expect(page.get_by_label("Between columns")).to_contain_text("Semicolon")
    visitor.check_access()
    load_button(page).click()
    page.wait_for_url("**/?notice=loaded")
    assert [record["customerId"] for record in records(visitor, "german")] == [
        "K-1",
        "K-2",
        "K-3 Müller",
    ]


def test_what_the_file_leaves_open_is_asked_and_may_be_changed(visitor, give):
    page = visitor.sign_in("editor", at="/data")
    give(page, "orders.csv", AMBIGUOUS)
    expect(page.get_by_text("One question before it can be loaded")).to_be_visible()
    expect(load_button(page)).to_be_disabled()
    visitor.check_access()
    page.get_by_label("Day first").click()
    expect(preview_of(page)).to_contain_text("3 Apr to 5 Jun 2026")
    expect(load_button(page)).to_be_enabled()
    page.get_by_text("How the file is read, and").click()
    page.get_by_label("Dates").select_option("mdy")
    expect(preview_of(page)).to_contain_text("4 Mar to 6 May 2026")
    # One goes on where one was.
    expect(page.get_by_label("Dates")).to_be_focused()
    page.get_by_role("combobox", name="Customer", exact=True).select_option("date")
    expect(preview_of(page)).to_contain_text("03/04/2026")
    visitor.check_access()


def test_bad_lines_are_told_by_reason_and_left_out_only_if_one_says_so(visitor, give):
    page = visitor.sign_in("admin", tenant="messy", at="/data")
    give(page, "orders.csv", BAD)
    reasons = page.get_by_role("region", name="Lines that can not be read")
    expect(reasons).to_contain_text("soon")
    expect(reasons.get_by_role("row", name=re.compile("lots"))).to_contain_text("5")
    expect(load_button(page)).to_be_disabled()
    visitor.check_access()
    page.get_by_label("Leave out the lines").check()
    load_button(page).click()
    page.wait_for_url("**/?notice=loaded")
    assert [record["customerId"] for record in records(visitor, "messy")] == ["ann"]


def test_states_that_nobody_knows_are_asked_for_all_at_once(visitor, give):
    page = visitor.sign_in("admin", tenant="empty", at="/data")
    give(
        page,
        "orders.csv",
        "customer,date,amount,status\nann,2026-03-12,5.00,paid\nbo,2026-03-13,7.00,limbo\n"
        'cy,2026-03-14,9.00,"odd, open"\n',
    )
    expect(page.get_by_label("paid", exact=True)).to_be_checked()
    page.get_by_label("odd, open").check()
    visitor.check_access()
    page.get_by_role("button", name="These count").click()
    expect(preview_of(page)).to_contain_text("14.00")
    page.get_by_text("How the file is read, and").click()
    page.get_by_label("Line with the names").fill("1")
    page.get_by_label("Line with the names").press("Enter")
    expect(page.get_by_label("Line with the names")).to_be_focused()
    expect(preview_of(page)).to_contain_text("14.00")


def test_another_currency_is_converted_by_the_rate_that_is_given(visitor, give):
    page = visitor.sign_in("editor", at="/data")
    give(page, "orders_export.csv", SHOPIFY)
    expect(page.get_by_role("alert")).to_contain_text("EUR")
    visitor.check_access()
    rate = page.get_by_label("What one unit of another currency is worth")
    rate.fill("EUR:2")
    rate.press("Enter")
    expect(preview_of(page)).to_contain_text("2,117.60 USD")
    # It is sent again with whatever else is chosen.
    expect(page.get_by_label("What 1 EUR is worth in USD")).to_have_value("2")
    page.get_by_label("What 1 EUR is worth in USD").fill("1,5")
    page.get_by_label("What 1 EUR is worth in USD").press("Enter")
    expect(preview_of(page)).to_contain_text("1,588.20 USD")
    expect(load_button(page)).to_be_enabled()
    visitor.expect("400")


def test_a_report_without_buyers_is_refused_and_says_what_to_export_instead(visitor, give):
    page = visitor.sign_in("editor", at="/data")
    give(page, "report.csv", AMAZON)
    expect(page.get_by_role("alert")).to_contain_text("names no buyers")
    expect(page.get_by_role("alert")).to_contain_text("instead")
    expect(page.locator("#load")).to_be_hidden()
    visitor.check_access()
    give(page, "orders.pdf", "%PDF-1.7\n")
    expect(page.get_by_role("alert")).to_contain_text("PDF")
    visitor.expect("400")


def test_replacing_everything_says_who_goes_and_waits_for_a_yes(visitor, give):
    page = visitor.sign_in("admin", tenant="few", at="/data")
    customers = page.get_by_text(re.compile(r"\d+ customers? · last changed")).inner_text()
    give(page, "orders.csv", "customer_id,date,amount\nnewcomer,2026-03-12,5.00\n")
    page.get_by_label("Replace everything that is stored").check()
    load_button(page).click()
    dialog = page.get_by_role("dialog", name="Replace everything?")
    total = customers.split()[0]
    expect(dialog).to_contain_text(f"{total} of your {total} customers")
    visitor.check_access()
    dialog.get_by_role("button", name="Replace everything").click()
    # The box is to be ticked first.
    expect(dialog).to_be_visible()
    dialog.get_by_role("button", name="Keep everything").click()
    expect(dialog).to_be_hidden()
    page.reload()
    expect(page.get_by_text(customers)).to_be_visible()


def test_an_editors_load_says_that_an_admin_can_compute(visitor, give):
    page = visitor.sign_in("editor", at="/data")
    give(page, "orders.csv", "customer_id,date,amount\n00001,2026-01-05,12.50\n")
    load_button(page).click()
    expect(page.get_by_role("heading", name="The file is loaded")).to_be_focused()
    expect(page.get_by_text("Somebody with an admin key can start it")).to_be_visible()
    visitor.check_access()


def test_the_page_is_worked_by_keyboard_on_a_small_screen(visitor, give):
    page = visitor.sign_in("admin", tenant="empty", at="/data")
    page.set_viewport_size({"width": 360, "height": 740})
    page.get_by_label("Choose a file").focus()
    give(page, "orders_export.csv", SHOPIFY)
    page.get_by_text("How the file is read, and").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("region", name="The columns of the file")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("combobox", name="Customer", exact=True)).to_be_focused()
    wide = "() => document.documentElement.scrollWidth > document.documentElement.clientWidth"
    assert not page.evaluate(wide)
    visitor.check_access()


def test_a_file_that_is_dropped_is_taken(visitor):
    page = visitor.sign_in("admin", tenant="empty", at="/data")
    drop = """text => {
        const files = new DataTransfer();
        files.items.add(new File([text], "dropped.csv"));
        const event = { bubbles: true, cancelable: true, dataTransfer: files };
        document.querySelector(".drop").dispatchEvent(new DragEvent("drop", event));
    }"""
    page.evaluate(drop, SHOPIFY)
    expect(page.get_by_text("dropped.csv")).to_be_visible()
    expect(page.get_by_role("heading", name="export from Shopify")).to_be_visible()
