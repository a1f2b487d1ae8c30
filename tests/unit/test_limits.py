"""The tables of what is limited, in ``docs/security.md``, are right and complete."""

import re
from collections.abc import Iterator
from operator import itemgetter

import pytest

from clv import budgets
from clv.config import Settings
from clv.files import stream
from tests.unit.test_docs import VARIABLES, rows

# Where limits are stated.
ROOMS = (budgets, stream)
# How often something is looked at.
NO_LIMITS = {"DISK_LOOK_BYTES"}
UNITS = {"KiB": 2**10, "MiB": 2**20, "s": 1, "minutes": 60, "hours": 3_600, "%": 0.01}
# The name of a constant or a setting may end with its unit.
ENDINGS = {"MB": 2**20, "MS": 0.001, "HOURS": 3_600}
AMOUNT = re.compile(rf"(\d[\d,.]*\d|\d) ?({'|'.join(UNITS)})?(?!\w)")
LIMITS = [row for row in rows("docs/security.md", 5) if row[0][0] != "-" and row[4] != "set by"]


def named_in(row: list[str]) -> list[str]:
    """The settings and constants that a row names."""
    return re.findall(r"`([A-Z_]+)`", row[4])


@pytest.mark.parametrize("row", LIMITS, ids=itemgetter(0))
def test_a_limit_in_the_table_is_the_one_that_holds(row):
    assert set(amounts(row[1])) == {limit(name) for name in named_in(row)}


def test_every_limit_that_no_setting_changes_is_in_the_table():
    constants = {name for name in vars(budgets) if name.isupper()}
    assert constants - NO_LIMITS <= {name for row in LIMITS for name in named_in(row)}


def amounts(text: str) -> Iterator[float]:
    """The numbers in a text, in bytes and seconds."""
    for number, unit in AMOUNT.findall(text):
        yield float(number.replace(",", "")) * UNITS.get(unit, 1)


def limit(name: str) -> float:
    """A setting's default, or a constant, in bytes and seconds."""
    if name in VARIABLES:
        value = getattr(Settings(), VARIABLES[name])
    else:
        value = next(getattr(room, name) for room in ROOMS if hasattr(room, name))
    if isinstance(value, str):
        # A rate.
        value = value.partition("/")[0]
    return float(value) * ENDINGS.get(name.rpartition("_")[2], 1)
