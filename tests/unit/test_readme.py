"""The README tells the truth: its tables and its worked example are checked."""

import re

import numpy as np
import pytest

from clv import config
from clv.config import ROOT
from clv.domain import distribution
from clv.domain.distribution import Distribution
from clv.domain.scoring import Totals, score_customer
from clv.domain.settings import ScoreSettings
from clv.domain.units import DAY_MS

README = (ROOT / "README.md").read_text()


def test_every_endpoint_is_in_the_table_with_its_method(app):
    named = set(re.findall(r"`(GET|POST|PUT|DELETE) (/[^`\s]*)`", README))
    offered = {
        (method, rule.rule.replace("<", "{").replace(">", "}"))
        for rule in app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
        if not rule.rule.startswith("/api/docs") and rule.rule != "/api/openapi.json"
        # The pages are for people.
        if not rule.endpoint.startswith("dashboard.")
    }
    assert named == offered


def test_every_setting_is_in_the_table():
    named = set(re.findall(r"^\| `([A-Z_]+)` \|", README, re.MULTILINE))
    assert named == set(config.VARIABLES)


def test_the_worked_example_comes_out(app):
    settings, today = ScoreSettings(), 20_000 * DAY_MS
    people = {"Ann": (0, 9, 300), "Bob": (10, 9, 0), "Cem": (60, 1, 0)}
    columns = [np.array(column, dtype=float) for column in zip(*people.values(), strict=True)]
    days = 20_000 - columns[0]
    r, f, m = (distribution.dimension(values) for values in (days, columns[1], columns[2] * 10_000))
    spread = Distribution(today, 3, r, f, m, 26.25, 76.25)
    for name, (recency, frequency, monetary) in people.items():
        contact = today - recency * DAY_MS
        totals = Totals(name, frequency, monetary * 10_000, contact, contact)
        scores = score_customer(totals, spread, settings, today)
        shown = re.search(rf"^\| {name} \|.*\| ([\d.]+) \|$", README, re.MULTILINE).group(1)
        assert scores.score == pytest.approx(float(shown))
