"""A short stretch of ``python -m tests.load.chaos``."""

import pytest

from clv.config import Settings
from tests.conftest import DATABASES
from tests.load.chaos import chaos
from tests.load.chaos_database import own_database


@pytest.mark.parametrize("kind", DATABASES)
def test_everybody_is_computed_exactly_once_whatever_dies(request, tmp_path, kind):
    server_url = request.getfixturevalue("postgresql_url") if kind == "postgresql" else None
    with own_database(kind, tmp_path, server_url) as url:
        report = chaos(Settings(database_url=url), faults=6, seed=3)
    assert report.violations == []
    assert (report.faults.total(), report.lost, report.doubled) == (6, 0, 0)
