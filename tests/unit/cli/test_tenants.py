"""``clv tenants``."""

from dataclasses import astuple

import pytest

from tests.unit.cli.support import acme, table

DEFAULTS = (0.35, 0.35, 0.30, 30, 24, 6, "auto", 90, "UTC")


def test_a_tenant_is_created_with_the_default_settings(run):
    run("tenants", "create", "shop-1")
    assert table(run("tenants", "list").stdout) == [
        {
            "name": "shop-1",
            "customers": "0",
            "periods": "-",
            "weights R/F/M": "0.35/0.35/0.3",
            "at-risk days": "30",
            "lifespan": "24",
            "shortest": "6",
            "currency": "USD",
            "model": "auto",
            "churn horizon": "90",
            "time zone": "UTC",
            "gross margin": "1",
            "acquisition cost": "-",
        }
    ]


def test_tenants_are_listed_by_name(run):
    for name in ("b", "c", "a"):
        run("tenants", "create", name)
    assert [tenant["name"] for tenant in table(run("tenants", "list").stdout)] == ["a", "b", "c"]


@pytest.mark.parametrize("name", ["Shop", "a_b", "", "x" * 64, "ä"])
def test_a_tenant_needs_a_proper_name(run, refused, name):
    assert "The name: Must be 1 to 63 lower-case letters" in refused("tenants", "create", name)
    assert table(run("tenants", "list").stdout) == []


def test_a_name_is_given_to_one_tenant(tenant, refused):
    assert "There is already a tenant 'acme'." in refused("tenants", "create", "acme")


def test_all_settings_of_a_tenant_can_be_set_and_the_others_stay(tenant, run):
    weights = ("--weight-recency", "0.2", "--weight-frequency", "0.3", "--weight-monetary", "0.5")
    run("tenants", "set", "acme", *weights, "--at-risk-days", "90")
    assert astuple(acme().settings) == (0.2, 0.3, 0.5, 90, 24, 6, "auto", 90, "UTC")
    lengths = ("--lifespan-months", "12", "--min-tenure-months", "3")
    predicted = ("--model", "calibrated", "--churn-horizon-days", "60")
    done = run("tenants", "set", "acme", *lengths, *predicted, "--currency", "EUR")
    assert astuple(acme().settings) == (0.2, 0.3, 0.5, 90, 12, 3, "calibrated", 60, "UTC")
    assert acme().currency == "EUR"
    run("tenants", "set", "acme", "--gross-margin", "0.4", "--acquisition-cost", "12.5")
    assert (acme().gross_margin, acme().acquisition_cost) == (0.4, 125_000)
    listed = table(run("tenants", "list").stdout)[0]
    assert (listed["gross margin"], listed["acquisition cost"]) == ("0.4", "12.5")
    run("tenants", "set", "acme", "--acquisition-cost", "none")
    assert (acme().gross_margin, acme().acquisition_cost) == (0.4, None)
    assert "flask compute --tenant acme" in done.stderr


@pytest.mark.parametrize(
    ("option", "value", "reason"),
    [
        ("--at-risk-days", "0", "at_risk_days: Must be from 1 to 3650."),
        ("--at-risk-days", "3651", "at_risk_days: Must be from 1 to 3650."),
        ("--at-risk-days", "soon", "--at-risk-days must be a number or 'suggested'."),
        ("--lifespan-months", "121", "lifespan_months: Must be from 1 to 120."),
        ("--min-tenure-months", "0", "min_tenure_months: Must be from 1 to 60."),
        ("--weight-recency", "1.5", "weight_recency: Must be from 0 to 1."),
        ("--weight-recency", "nan", "weight_recency: Must be from 0 to 1."),
        ("--weight-monetary", "0.4", "The three weights must sum to 1."),
        ("--model", "bg/nbd", "model: Must be one of: auto, rfm, calibrated."),
        ("--churn-horizon-days", "0", "churn_horizon_days: Must be from 1 to 3650."),
        ("--time-zone", "Berlin", "time_zone: Must be a time zone of the IANA database, such as"),
        ("--time-zone", "", "time_zone: Must be a time zone of the IANA database, such as"),
        ("--time-zone", "../etc/passwd", "time_zone: Must be a time zone of the IANA database"),
        ("--currency", "usd", "currency: Must be three capital letters of ISO 4217"),
        ("--currency", "EURO", "currency: Must be three capital letters of ISO 4217"),
        ("--gross-margin", "1.1", "gross_margin: Must be from 0 to 1."),
        ("--gross-margin", "nan", "gross_margin: Must be from 0 to 1."),
        ("--acquisition-cost", "-1", "acquisition_cost: Must be at least 0."),
        ("--acquisition-cost", "12 EUR", "--acquisition-cost, or 'none': Must be a number."),
    ],
)
def test_a_bad_setting_is_refused_and_none_is_saved(tenant, refused, option, value, reason):
    good = ("--min-tenure-months", "3") if option != "--min-tenure-months" else ()
    assert reason in refused("tenants", "set", "acme", *good, option, value)
    assert astuple(acme().settings) == DEFAULTS
    assert acme().currency == "USD"


def test_the_time_zone_of_a_tenant_is_set_and_listed(tenant, run, log):
    assert "--replace" not in run("tenants", "set", "acme", "--time-zone", "Asia/Kolkata").stderr
    run("import", log("a,2026-01-01,1"), "--tenant", "acme")
    done = run("tenants", "set", "acme", "--time-zone", "Europe/Berlin")
    assert acme().settings.time_zone == "Europe/Berlin"
    assert "load your files again with --replace" in done.stderr
    assert table(run("tenants", "list").stdout)[0]["time zone"] == "Europe/Berlin"
    assert "--replace" not in run("tenants", "set", "acme", "--at-risk-days", "9").stderr
    assert acme().settings.time_zone == "Europe/Berlin"


def test_settings_of_the_wrong_type_are_refused(tenant, refused):
    assert "--lifespan-months" in refused(
        "tenants", "set", "acme", "--lifespan-months", "1.5", code=2
    )


def test_the_suggested_at_risk_days_come_from_the_tenants_own_data(tenant, run, refused, log):
    reason = "There is no suggestion: no customer has come back on another day yet."
    suggest = ("tenants", "set", "acme", "--at-risk-days", "suggested")
    assert reason in refused(*suggest)
    once = log("a,2026-01-01,1", "a,2026-01-01,2", "b,2026-03-01,1")
    assert "no suggestion" in run("import", once, "--tenant", "acme").stdout
    assert reason in refused(*suggest)
    days = (1, 2, 4, 7, 11, 16, 22, 29)
    months = [f"a,2026-01-{day:02},1" for day in days] + ["a,2026-02-06,1", "a,2026-02-15,1"]
    done = run("import", log(*months, "a,2026-02-25,1"), "--tenant", "acme")
    assert "within 9 days: flask tenants set acme --at-risk-days 9" in done.stdout
    run(*suggest)
    assert acme().settings.at_risk_days == 9


@pytest.mark.parametrize(
    "command",
    [
        ("tenants", "set", "nobody", "--currency", "EUR"),
        ("keys", "create", "--tenant", "nobody", "--role", "admin"),
        ("keys", "list", "--tenant", "nobody"),
        ("import", "-", "--tenant", "nobody"),
        ("export", "--tenant", "nobody"),
        ("compute", "--tenant", "nobody"),
    ],
    ids=" ".join,
)
def test_an_unknown_tenant_is_named(app, refused, command):
    assert refused(*command, stdin="customer_id,date,amount\n") == (
        "Error: There is no tenant 'nobody'.\n"
    )
