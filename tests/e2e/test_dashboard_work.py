"""What one does in the dashboard, in a real browser and with a real worker."""

import re

from playwright.sync_api import expect


def test_an_admin_recomputes_and_watches_the_run_to_its_end(visitor):
    page = visitor.sign_in("admin", at="/jobs")
    visitor.check_access()
    page.get_by_role("button", name="Recompute").click()
    page.wait_for_url("**/jobs/*")
    expect(page.get_by_role("progressbar")).to_be_visible()
    # The page was loaded anew: the button to cancel went with the run.
    expect(page.get_by_text("Ended", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Cancel the run")).to_have_count(0)
    expect(page.get_by_role("status")).to_contain_text("Finished")
    visitor.check_access()
    page.get_by_role("link", name="Jobs").first.click()
    expect(page.get_by_role("row").nth(1)).to_contain_text("Finished")


def test_a_viewer_is_offered_nothing_to_do(visitor):
    page = visitor.sign_in("viewer", at="/jobs")
    expect(page.get_by_role("heading", name="Jobs")).to_be_visible()
    expect(page.get_by_role("button", name="Recompute")).to_have_count(0)
    names = page.get_by_role("navigation", name="Main").get_by_role("link").all_inner_texts()
    assert "Keys" not in names and "Data" not in names
    page.goto("/settings")
    expect(page.get_by_role("button", name="Save")).to_have_count(0)
    page.goto("/keys")
    expect(page.get_by_role("heading", name="Not with this key")).to_be_visible()
    visitor.expect("403")


def test_settings_show_what_they_would_change_before_they_are_saved(visitor):
    page = visitor.sign_in("admin", tenant="few", at="/settings")
    preview = page.get_by_role("region", name="Segments now and then")
    expect(preview).to_contain_text("unchanged")
    visitor.check_access()
    page.get_by_label("At-risk days").fill("3650")
    expect(preview).to_contain_text("−")
    page.get_by_label("recency as a slider").fill("70")
    values = [
        float(page.locator(f"[name={name}]").input_value())
        for name in ("recency", "frequency", "monetary")
    ]
    assert values[0] == 70 and sum(values) == 100
    page.locator("[name=monetary]").fill("90")
    expect(page.locator("#preview")).to_contain_text("They must add up to 100 %")
    page.locator("[name=monetary]").fill(f"{values[2]:g}")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text("Saved")
    expect(page.get_by_label("At-risk days")).to_have_value("3650")
    visitor.check_access()


def test_a_key_is_created_shown_once_and_revoked(visitor):
    page = visitor.sign_in("admin", tenant="few", at="/keys")
    page.get_by_label("What it is for").fill("nightly job")
    page.get_by_label("Role").select_option("editor")
    page.get_by_role("button", name="Create").click()
    token = page.locator("#token").inner_text()
    assert re.fullmatch(r"clv_\w+_\w+", token)
    visitor.check_access()
    page.goto("/keys")
    assert token not in page.content()
    row = page.get_by_role("row").filter(has_text="nightly job")
    row.locator("summary").click()
    row.get_by_role("button", name="Revoke for good").click()
    page.get_by_text("revoked or expired").click()
    expect(page.get_by_role("region", name="Ended keys")).to_contain_text("nightly job")
    visitor.check_access()


def test_a_backtest_says_how_far_the_predictions_can_be_trusted(visitor):
    page = visitor.sign_in("admin", at="/backtest")
    visitor.check_access()
    page.get_by_role("button", name="Start the backtest").click()
    expect(page.get_by_role("heading", name="What it says")).to_be_visible()
    expect(page.locator(".verdict")).to_contain_text([" for revenue: ", " for churn: "])
    measures = page.get_by_role("region", name="Table of measures")
    expect(measures.get_by_role("row")).to_have_count(10)
    expect(measures.get_by_role("columnheader", name="0 for everybody")).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("predicted and actual"))).to_have_count(2)
    page.get_by_text("As a table").first.click()
    visitor.check_access()


def test_the_pages_are_worked_by_the_keyboard_alone(visitor):
    page = visitor.sign_in("admin", tenant="few", at="/jobs")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Customers")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/jobs/*")
