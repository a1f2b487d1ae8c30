"""``flask import`` of each sample of a real layout.

What is expected is the table of :mod:`tests.support.exports`.
"""

import pytest

from clv.api.schemas.base import camel_case
from tests.api.transactions.support import expected_summaries
from tests.support.exports import SAMPLES
from tests.unit.cli.support import summaries

SAMPLE = pytest.mark.parametrize("sample", SAMPLES, ids=str)


@pytest.fixture(autouse=True)
def in_berlin(tenant, run):
    """The tenant's days are those of Berlin."""
    run("tenants", "set", "acme", "--time-zone", "Europe/Berlin")


@SAMPLE
def test_a_sample_is_imported_or_refused_for_the_reason(sample, run, refused):
    command = ("import", str(sample.path), "--tenant", "acme")
    if sample.refused:
        assert sample.refused in refused(*command)
        return
    if sample.questions:
        said = refused(*command)
        for name in sample.questions:
            assert f"--{name}: " in said
    if not sample.rows:
        return
    options = [
        part for name, text in sample.choices.items() for part in (f"--{camel_case(name)}", text)
    ]
    done = run(*command, *options)
    assert f"{len(sample.rows):,} transactions read" in done.stdout
    assert done.stdout.count("Left out, ") >= bool(sample.left_out)
    assert done.stderr.count("Warning: ") == len(sample.warnings)
    assert summaries() == expected_summaries(sample)
