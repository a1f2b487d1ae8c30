"""What the tests of files share."""

from dataclasses import replace

import pytest


@pytest.fixture
def shop(acme):
    """A tenant in Berlin without data."""
    return replace(acme, settings=replace(acme.settings, time_zone="Europe/Berlin"))
