"""The README and the pages in ``docs/`` tell the truth: what they name exists, and what exists is
named. Their examples are run by ``tests/e2e/test_examples.py``."""

import ast
import io
import re
import tomllib
from dataclasses import replace
from functools import cache
from pathlib import Path

import click
import numpy as np
import pytest
from flask import Flask

from clv import cli, config, db
from clv.config import ROOT, Settings
from clv.db import models
from clv.domain import calendar, distribution
from clv.domain.distribution import Distribution
from clv.domain.formulas import recency_days
from clv.domain.scoring import Totals, score_customer
from clv.domain.settings import ScoreSettings
from clv.domain.time_zone import UTC_ZONE
from clv.domain.units import DAY_MS
from clv.files.choices import Choices
from clv.files.summaries.reader import File
from clv.prediction import forecast
from clv.prediction.base import Base
from clv.prediction.model import Model
from clv.services import loading
from clv.services.loading import Options
from clv.store import totals
from tests.conftest import ON_ONE_DATABASE
from tests.support.calibrations import calibration
from tests.support.purchases import bought_on
from tests.unit.support import PUBLISHED

# The environment variables with their fields of ``Settings``.
VARIABLES = {variable: setting.name for variable, setting in config.VARIABLES.items()}
README_LINES = 130
DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = {
    page.relative_to(ROOT).as_posix(): page.read_text() for page in (ROOT / "README.md", *DOCS)
}
PAGE = pytest.mark.parametrize("page", PAGES)
# What has links, too.
OTHERS = {name: (ROOT / name).read_text() for name in ("CHANGELOG.md", "clv/sample/README.md")}
BLOCK = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
ENDPOINT = re.compile(r"`(GET|POST|PUT|DELETE) (/[^`\s]*)`")
# What the first part of a path in the project may be.
ROOTS = ("app.py", "launch.py", "gunicorn.conf.py", "pyproject.toml", "Makefile", "Procfile")
ROOTS += ("clv", "jobs", "tests", "docs", ".ci", "app.json", "requirements", "requirements.txt")
# Some customer, in a path.
CUSTOMER = re.compile(r"(?<=/customers/)[\w-]+")
FUNCTION = re.compile(r"`([\w/]+\.py)`\s+`([A-Za-z_][\w.]*)`")


def prose(page: str) -> str:
    """A page without its blocks of code."""
    return BLOCK.sub("", PAGES[page])


def code(page: str) -> str:
    """A page's code: its blocks, and what stands in backticks."""
    return "\n".join([*BLOCK.findall(PAGES[page]), *re.findall(r"`([^`\n]+)`", prose(page))])


def rows(page: str, columns: int) -> list[list[str]]:
    """The cells of all tables of a page that have so many columns."""
    lines = re.findall(r"^\|(.*)\|$", prose(page), re.MULTILINE)
    cells = [[cell.strip() for cell in line.split("|")] for line in lines]
    return [row for row in cells if len(row) == columns]


def test_the_readme_is_short_and_leads_to_every_page():
    assert PAGES["README.md"].count("\n") <= README_LINES
    linked = set(re.findall(r"\]\((docs/\w[\w-]*\.md)\)", PAGES["README.md"]))
    assert linked == set(PAGES) - {"README.md"}


@pytest.mark.parametrize("page", [*PAGES, *OTHERS])
def test_every_link_leads_somewhere(page):
    text, folder = BLOCK.sub("", (PAGES | OTHERS)[page]), (ROOT / page).parent
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, anchor = link.partition("#")
        if path.startswith("https://"):
            continue
        target = folder / path if path else ROOT / page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


@PAGE
def test_every_path_exists(page):
    named = re.findall(r"`([\w.-]+(?:/[\w.-]+)*/?)`", prose(page))
    for path in named:
        if path.partition("/")[0] in ROOTS:
            assert (ROOT / path).exists(), path


@PAGE
def test_every_command_exists(page):
    targets = re.findall(r"\bmake (\w+)", code(page))
    assert set(targets) <= set(
        re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    )
    for module in re.findall(r"python -m ([\w.]+)", code(page)):
        assert (ROOT / f"{module.replace('.', '/')}.py").exists(), module
    for first, second, options in re.findall(
        r"\bflask ([a-z]+)(?: ([a-z]+)\b)?((?:[^\n&`]|\\\n)*)", code(page)
    ):
        command = commands()[first]
        if isinstance(command, click.Group):
            command = command.commands[second]
        known = {option for param in command.params for option in param.opts}
        assert set(re.findall(r"--[a-z-]+", options)) <= known, (first, second, options)


def test_every_make_target_is_on_a_page():
    targets = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[1]
    on_pages = {target for page in PAGES for target in re.findall(r"\bmake (\w+)", code(page))}
    assert set(targets.split()) <= on_pages


def test_every_function_that_the_architecture_names_exists():
    named = FUNCTION.findall(PAGES["docs/architecture.md"])
    assert len(named) > 30
    missing = [f"{path} {name}" for path, name in named if name not in defined(path)]
    assert not missing


@pytest.mark.parametrize(
    ("contract", "picture"),
    [("Rooms", r"^app\.py  launch\.py\n(.*?)\n```"), ("A file", r"^```\n(clv/files/.*?)\n```")],
)
def test_the_pictures_of_rooms_are_what_import_linter_checks(contract, picture):
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (layers,) = [c["layers"] for c in contracts["contracts"] if c["name"].startswith(contract)]
    page = PAGES["docs/architecture.md"]
    lines = re.search(picture, page, re.MULTILINE | re.DOTALL)[1].splitlines()
    drawn = [set(line.replace("/", ".").split()) for line in lines]
    assert drawn == [set(re.findall(r"[\w.]+", layer)) for layer in layers]


@ON_ONE_DATABASE
def test_every_endpoint_is_in_the_table_with_its_method(app):
    named = set(ENDPOINT.findall("\n".join(row[0] for row in rows("docs/api.md", 3))))
    offered = {
        (method, rule.rule.replace("<", "{").replace(">", "}"))
        for rule in app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
        if not rule.rule.startswith("/api/docs") and rule.rule != "/api/openapi.json"
        # The pages are for people.
        if not rule.endpoint.startswith("dashboard.")
    }
    assert named == offered
    elsewhere = {
        (method, CUSTOMER.sub("{customerId}", path.partition("?")[0]))
        for page in PAGES
        for method, path in ENDPOINT.findall(prose(page))
    }
    assert elsewhere <= offered


def test_every_setting_is_in_the_table_with_its_default():
    table = {row[0].strip("`"): row[1] for row in rows("docs/settings.md", 3) if row[0][0] == "`"}
    assert set(table) == set(VARIABLES)
    for variable, default in table.items():
        # The other defaults are described in words.
        if re.fullmatch(r"`[^`]+`|\d+", default):
            value = getattr(Settings(), VARIABLES[variable], True)
            shown = f"{value:g}" if isinstance(value, float) else str(value)
            assert default.strip("`").lower() == shown.lower(), variable


@PAGE
def test_every_variable_that_a_page_names_is_a_setting(page):
    # The last column of the tables of limits has constants, too: see test_limits.py.
    limits = set(re.findall(r"`(\w+)`", " ".join(row[-1] for row in rows(page, 5))))
    assert set(re.findall(r"`([A-Z]+_[A-Z_]+)`", prose(page))) <= set(VARIABLES) | limits


def test_every_setting_of_a_tenant_is_in_the_table_with_its_default():
    table = {row[0].strip("`"): row[1:3] for row in rows("docs/settings.md", 4)}
    options = {
        option for param in commands()["tenants"].commands["set"].params for option in param.opts
    }
    assert set(re.findall(r"--[a-z][a-z-]+", str(table))) == {
        o for o in options if o.startswith("--")
    }
    defaults = ScoreSettings()
    assert table.pop("weights")[1] == ", ".join(f"{weight:.2f}" for weight in defaults.weights)
    for name in ("at_risk_days", "lifespan_months", "min_tenure_months", "churn_horizon_days"):
        first, *others = name.split("_")
        shown = table[first + "".join(map(str.capitalize, others))][1]
        assert shown == str(getattr(defaults, name))
    assert table["model"][1] == f"`{defaults.model}`"
    assert table["timeZone"][1] == f"`{defaults.time_zone}`"
    payback = (float(table["grossMargin"][1]), table["acquisitionCost"][1])
    assert payback == (models.Tenant.gross_margin.default, "none")


def test_the_worked_example_comes_out():
    settings, today = ScoreSettings(), 20_000 * DAY_MS
    people = {"Ann": (0, 9, 300), "Bob": (10, 9, 0), "Cem": (60, 1, 0)}
    columns = [np.array(column, dtype=float) for column in zip(*people.values(), strict=True)]
    days = 20_000 - columns[0]
    r, f, m = (distribution.dimension(values) for values in (days, columns[1], columns[2] * 10_000))
    spread = Distribution(today, 3, r, f, m, 26.25, 76.25)
    shown = {row[0]: row[4:] for row in rows("docs/scores.md", 8)}
    for name, (recency, frequency, monetary) in people.items():
        contact = today - recency * DAY_MS
        totals = Totals(name, frequency, monetary * 10_000, contact, contact)
        scores = score_customer(totals, spread, settings, today)
        norms = spread.norms(contact // DAY_MS, frequency, monetary * 10_000)
        expected = [float(figure) for figure in shown[name]]
        assert [*norms, scores.score] == pytest.approx(expected)


def test_the_example_of_forecasts_comes_out():
    today = 20_000
    bought = bought_on((today - 272, today - 100, today - 59), 3 * 223_500)
    customer = Totals("a", 3, bought.value, 0, 0, bought)
    serving = calibration(fitted=Model(Base(replace(PUBLISHED, v=154_500.0))))
    shown = [row for row in rows("docs/scores.md", 3) if row[0].isdigit()]
    assert [int(row[0]) for row in shown] == forecast.horizons(ScoreSettings())
    for days, conversions, revenue in shown:
        [made] = forecast.forecast_customers(
            [customer], [today * DAY_MS], ScoreSettings(), serving, int(days)
        )
        assert f"{made.expected_conversions:.3f}" == conversions
        assert f"{made.expected_revenue / 10_000:.2f}" == revenue
    said = re.search(
        r"`expectedDaysToNextConversion` is ([\d.]+), `probabilityActive` ([\d.]+), and"
        r" `averageConversionValue` ([\d.]+)\.\n",
        PAGES["docs/scores.md"],
    )
    assert said.groups() == (
        f"{made.expected_days_to_next_conversion:.3f}",
        f"{made.probability_active:.3f}",
        f"{made.average_conversion_value / 10_000:.2f}",
    )


def test_the_example_of_corrections_comes_out(tenant):
    as_of = calendar.time_ms("2025-05-31T23:59:59Z")
    cells = [row for row in rows("docs/scores.md", 6) if re.match(r"\d", row[3])]
    lines = [
        f"{name},{day},{amount}"
        for name, *transactions, _, _, _ in cells
        for amount, day in (each.split(" on ") for each in transactions if each)
    ]
    content = "\n".join(["customer_id,date,amount", *lines]).encode()
    assert len(cells) == 4 and len(lines) == 6
    with db.scope():
        loading.load_transactions(tenant, File(io.BytesIO(content)), Choices(), Options())
        for name, _, _, *expected in cells:
            known = totals.totals(tenant.id, name)
            recency = recency_days(known.last_contact_ms, as_of, UTC_ZONE)
            shown = [recency, known.frequency, known.monetary // 10_000]
            assert shown == [int(figure) for figure in expected], name


@cache
def commands() -> dict[str, click.Command]:
    """The commands of ``flask …`` by name."""
    application = Flask("pages")
    cli.register(application)
    return application.cli.commands


@cache
def anchors(page: Path) -> set[str]:
    """The anchors of a page's headlines, as GitHub makes them."""
    headlines = re.findall(r"^#+ (.*)$", BLOCK.sub("", page.read_text()), re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", headline.lower()).strip().replace(" ", "-")
        for headline in headlines
    }


@cache
def defined(path: str) -> set[str]:
    """The functions and classes of a file: ``function``, ``Class`` and ``Class.method``."""
    tree, kinds = ast.parse((ROOT / path).read_text()), (ast.FunctionDef, ast.ClassDef)
    top = [node for node in tree.body if isinstance(node, kinds)]
    methods = [
        f"{node.name}.{method.name}"
        for node in top
        if isinstance(node, ast.ClassDef)
        for method in node.body
        if isinstance(method, kinds)
    ]
    return {node.name for node in top} | set(methods)
