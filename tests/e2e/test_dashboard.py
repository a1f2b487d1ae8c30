"""The dashboard in a real browser, clicked through."""

import re

from playwright.sync_api import expect


def test_a_key_opens_the_overview_and_signing_out_closes_it(visitor):
    page = visitor.sign_in("viewer")
    expect(page.get_by_role("heading", name="Overview", level=1)).to_be_visible()
    [cookie] = page.context.cookies()
    assert cookie["httpOnly"] and cookie["sameSite"] == "Lax"
    secret = visitor.service.keys["shop", "viewer"].split("_")[2]
    assert secret not in cookie["value"] and secret not in page.content()
    visitor.check_access()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("API key")).to_be_visible()
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
