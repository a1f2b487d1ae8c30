"""The service for the tests of the dashboard: started once a session."""

import pytest

from clv.config import Settings
from tests.e2e import browser as browsing
from tests.support import chromium


@pytest.fixture(scope="session")
def service(workspace, redis_url, cdnow):
    """The service with its tenants, if there is a browser to look at it."""
    chromium.executable()
    settings = Settings(
        database_url=f"sqlite:///{workspace / 'dashboard.db'}", redis_url=f"{redis_url}/15"
    )
    with browsing.running(settings, cdnow) as found:
        yield found


@pytest.fixture
def visitor(browser, service):
    """Somebody who has not signed in yet. At the end no console has complained, and nothing was
    asked for elsewhere."""
    context = browser.new_context(base_url=service.url, viewport={"width": 1280, "height": 900})
    context.set_default_timeout(chromium.WAIT_MS)
    someone = browsing.Visitor(context, service)
    yield someone
    context.close()
    someone.check()
