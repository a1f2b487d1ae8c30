"""The dashboard in a real browser, clicked through."""

import csv
import re

from playwright.sync_api import expect

from clv.dashboard.overview import SHOWN
from tests.support import chromium

# What the overview may weigh over the network, all included.
MAX_OVERVIEW_BYTES = 300_000


def test_a_key_opens_the_overview_and_signing_out_closes_it(visitor):
    page = visitor.sign_in("viewer")
    expect(page.get_by_role("heading", name="Overview", level=1)).to_be_visible()
    [cookie] = page.context.cookies()
    assert cookie["httpOnly"] and cookie["sameSite"] == "Lax"
    secret = visitor.service.keys["shop", "viewer"].split("_")[2]
    assert secret not in cookie["value"] and secret not in page.content()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("status")).to_contain_text("You have signed out")
    visitor.check_access()
    page.goto("/")
    expect(page).to_have_url(re.compile("/sign-in"))


def test_a_wrong_key_is_refused_in_words(visitor):
    page = visitor.page
    page.goto("/")
    page.get_by_label("API key").fill("clv_wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("mistyped, expired or revoked")
    visitor.check_access()
    visitor.expect("401")


def test_a_page_that_is_not_there_says_so(visitor):
    page = visitor.sign_in("viewer")
    page.goto("/nowhere")
    expect(page.get_by_role("heading", name="There is nothing here")).to_be_visible()
    visitor.check_access()
    visitor.expect("404")


def test_the_overview_tells_what_the_summary_says(visitor):
    page = visitor.sign_in("viewer")
    summary = visitor.service.ask("GET", "/clv/summary", visitor.service.keys["shop", "viewer"])
    figures = page.get_by_role("region", name="All customers")
    expect(figures).to_contain_text(f"{summary['customers']:,}")
    expect(figures).to_contain_text(f"{summary['meanScore']:.1f}")
    # The CDNOW log is predicted by the better model; why, and how far off it was, is said.
    assert summary["model"] == "calibrated"
    expect(figures).to_contain_text("Expected revenue")
    expect(figures).to_contain_text("by the calibrated model")
    expect(page.get_by_role("main")).to_contain_text(summary["modelReason"])
    expect(page.get_by_role("main")).to_contain_text(summary["churnModelReason"])
    for name, label in (("high", "High"), ("at_risk", "At risk")):
        row = page.get_by_role("row", name=re.compile(f"^{label} "))
        expect(row).to_contain_text(f"{summary['segments'][name]['customers']:,}")
    expect(page.get_by_role("row", name="New customers")).to_be_visible()
    expect(page.locator(".notice", has_text="30 at-risk days don’t fit")).to_contain_text(
        f"within {summary['suggestion']['atRiskDays']} days"
    )
    expect(page.get_by_role("img", name="Histogram of the scores")).to_be_visible()
    # A second run has just begun the line, or not yet: both say so.
    expect(page.get_by_role("heading", name="Segments over time")).to_be_visible()
    page.get_by_text("As a table").first.click()
    expect(page.get_by_role("row", name="95–100")).to_contain_text(
        f"{summary['histogram'][-1]['customers']:,}"
    )
    visitor.check_access()


def test_the_charts_are_drawn_in_both_themes(visitor):
    page = visitor.sign_in("viewer")
    colour = "Chart.getChart(document.querySelector('canvas')).data.datasets[0].backgroundColor"
    for theme, wanted in (("dark", "#95a5ff"), ("light", "#3b4fd8")):
        page.emulate_media(color_scheme=theme)
        page.wait_for_function(f"() => {colour} === '{wanted}'")


def test_the_overview_is_light(browser, service):
    context = browser.new_context(base_url=service.url)
    context.set_default_timeout(chromium.WAIT_MS)
    page = context.new_page()
    page.goto("/sign-in")
    page.get_by_label("API key").fill(service.keys["shop", "viewer"])
    # What the sign-in has loaded already counts, too.
    network = context.new_cdp_session(page)
    network.send("Network.enable")
    network.send("Network.setCacheDisabled", {"cacheDisabled": True})
    sizes = []
    network.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/")
    page.wait_for_load_state("networkidle")
    context.close()
    assert len(sizes) >= 5 and 50_000 < sum(sizes) < MAX_OVERVIEW_BYTES


def test_whoever_slips_away_is_one_click_from_the_overview(visitor):
    page = visitor.sign_in("viewer")
    table = page.get_by_role("region", name="Slipping away").get_by_role("table")
    names = table.locator("tbody th").all_inner_texts()
    key = visitor.service.keys["shop", "viewer"]
    listed = visitor.service.ask(
        "GET", "/clv/records?minRecency=30&maxRecency=89&sort=-revenueAtRisk&minFrequency=1", key
    )
    leading = [record["customerId"] for record in listed["data"]]
    assert names == leading[: len(names)] and len(names) <= SHOWN
    page.get_by_role("link", name="See all of them").click()
    first = page.locator("table.list tbody th").first
    expect(first).to_have_text(leading[0])
    first.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(leading[0])


def test_the_lists_of_customers_are_those_of_the_api(visitor):
    page = visitor.sign_in("viewer", at="/customers")
    visitor.check_access()
    lists = page.get_by_role("navigation", name="Lists")
    for label, query in (
        ("Slipping away", "minRecency=30&maxRecency=89&minFrequency=1&sort=-revenueAtRisk"),
        ("Probably lost", "minRecency=90&minFrequency=1&sort=-revenueAtRisk"),
        ("All customers", "sort=-clvScore"),
    ):
        lists.get_by_role("link", name=label).click()
        expect(lists.get_by_role("link", name=label)).to_have_attribute("aria-current", "page")
        key = visitor.service.keys["shop", "viewer"]
        wanted = visitor.service.ask("GET", f"/clv/records?limit=50&count=true&{query}", key)
        ids = [record["customerId"] for record in wanted["data"]]
        expect(page.locator("table.list tbody th")).to_have_text(ids)
        total = f"{wanted['pagination']['total']:,} customers"
        expect(page.get_by_role("heading", name=total)).to_be_visible()


def test_filters_sorts_pages_and_the_file_belong_together(visitor):
    page = visitor.sign_in("viewer", at="/customers")
    page.get_by_role("link", name="All customers").click()
    page.get_by_text("Filters and order").click()
    page.get_by_label("Score from").fill("85")
    page.get_by_label("Segment").select_option("At risk")
    page.get_by_label("Order").select_option("Customer id")
    page.get_by_role("button", name="Apply").click()
    page.wait_for_url(re.compile("minScore=85"))
    visitor.check_access()
    ids = page.locator("table.list tbody th").all_inner_texts()
    total = int(page.locator("#list").inner_text().split()[0].replace(",", ""))
    assert ids == sorted(ids) and len(ids) == min(total, 50)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download CSV").click()
    rows = list(csv.DictReader(download.value.path().read_text().splitlines()))
    assert len(rows) == total and [row["customerId"] for row in rows][: len(ids)] == ids
    assert all(row["segment"] == "at_risk" and float(row["score"]) >= 85 for row in rows)
    page.get_by_role("link", name="Score", exact=False).first.click()
    expect(page.get_by_role("columnheader", name="Score")).to_have_attribute(
        "aria-sort", "descending"
    )


def test_one_walks_through_a_list_page_by_page(visitor):
    page = visitor.sign_in("viewer", at="/customers?tab=all&sort=customerId")
    assert page.locator("table.list tbody th").first.inner_text() == "00001"
    page.get_by_role("link", name="Next page").click()
    expect(page.locator("table.list tbody th").first).to_have_text("00051")
    page.get_by_role("link", name="First page").click()
    expect(page.locator("table.list tbody th").first).to_have_text("00001")


def test_filters_that_do_not_fit_say_what_would(visitor):
    page = visitor.sign_in("viewer", at="/customers?tab=all&minScore=200")
    expect(page.get_by_role("alert")).to_contain_text("minScore")
    expect(page.get_by_label("Score from")).to_have_attribute("aria-invalid", "true")
    visitor.check_access()
    visitor.expect("400")


def test_a_list_without_anybody_says_so(visitor):
    page = visitor.sign_in("viewer", at="/customers?tab=all&minScore=100&maxScore=100")
    expect(page.get_by_text("No customer passes these filters")).to_be_visible()
    visitor.check_access()


def test_a_customer_is_found_explained_and_computed_again_by_an_editor(visitor):
    page = visitor.sign_in("editor")
    page.get_by_label("Customer id").fill("00004")
    page.get_by_role("button", name="Find").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("00004")
    key = visitor.service.keys["shop", "viewer"]
    explained = visitor.service.ask("GET", "/customers/00004/clv/explanation", key)
    why = page.get_by_role("region", name="Why this score")
    expect(why).to_contain_text(explained["reason"])
    for part in explained["contributions"]:
        expect(why).to_contain_text(f"{part['points']:.1f}")
    visitor.check_access()
    page.get_by_role("button", name="Recompute").click()
    expect(page.get_by_role("status")).to_contain_text("Computed again")
    visitor.check_access()


def test_a_viewer_is_not_offered_what_a_viewer_may_not_do(visitor):
    page = visitor.sign_in("viewer", at="/customers/00004")
    expect(page.get_by_role("heading", level=1)).to_have_text("00004")
    expect(page.get_by_role("button", name="Recompute")).to_have_count(0)


def test_an_unknown_customer_is_a_page_that_says_so(visitor):
    page = visitor.sign_in("viewer")
    page.get_by_label("Customer id").fill("nobody")
    page.get_by_role("button", name="Find").click()
    expect(page.get_by_text("There is no customer with this id")).to_be_visible()
    visitor.check_access()
    visitor.expect("404")


def test_a_tenant_without_data_learns_how_to_load_some(visitor):
    page = visitor.sign_in("admin", "empty")
    expect(page.get_by_text("an export of Shopify, WooCommerce")).to_be_visible()
    page.get_by_text("From a shell or a program").click()
    command = f"curl -X PUT {visitor.service.url}/api/v1/transactions"
    expect(page.get_by_text(command)).to_be_visible()
    visitor.check_access()
    page.get_by_role("link", name="Load a file").click()
    page.wait_for_url("**/data")
    page.goto("/customers")
    expect(page.get_by_text("There are no customers yet")).to_be_visible()
    visitor.check_access()


def test_with_few_customers_the_overview_says_that_scores_mean_little(visitor):
    page = visitor.sign_in("admin", "few")
    expect(page.get_by_text("With fewer than 20 customers")).to_be_visible()
    visitor.check_access()


def test_every_page_can_be_used_by_keyboard_and_on_a_small_screen(visitor):
    page = visitor.sign_in("viewer")
    page.set_viewport_size({"width": 360, "height": 740})
    for path in ("/", "/customers", "/customers/00004"):
        page.goto(path)
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        focused = page.evaluate("() => document.activeElement.closest('main') !== null")
        assert focused, path
        wide = "() => document.documentElement.scrollWidth > document.documentElement.clientWidth"
        assert not page.evaluate(wide), path
        visitor.check_access()
