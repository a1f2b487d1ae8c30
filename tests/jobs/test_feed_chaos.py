"""A short stretch of ``python -m tests.load.feed``."""

import pytest

from clv.config import Settings
from tests.conftest import DATABASES
from tests.load.chaos_database import own_database
from tests.load.feed import follow


@pytest.mark.parametrize("kind", DATABASES)
def test_the_consumer_of_the_documentation_has_the_services_records(request, tmp_path, kind):
    server_url = request.getfixturevalue("postgresql_url") if kind == "postgresql" else None
    with own_database(kind, tmp_path, server_url) as url:
        report = follow(Settings(database_url=url), runs=4, faults=4, seed=3, customers=1_500)
    assert report.violations == []
    assert (report.runs, report.faults.total(), report.lost) == (4, 4, 0)
