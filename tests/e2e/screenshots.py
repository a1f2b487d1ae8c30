"""Pictures of each page at three widths in both themes: ``make screenshots``, for whoever changes
the pages, to look at. ``--docs`` makes those of the README and of docs/dashboard.md."""

import argparse
import gzip
import json
from datetime import date, timedelta
from pathlib import Path

from clv import db
from clv.config import ROOT, VAR, Settings
from clv.domain.units import DAY_MS
from tests.e2e.browser import THEMES, Service, Visitor, running
from tests.support import chromium, servers
from tests.support.processes import free_port, redis_server

WIDTHS = {360: 740, 1024: 768, 1920: 1080}
# The history before today's run: so many full runs, each so many days after the one before.
RUNS, APART_DAYS = 9, 14
AT_RISK_DAYS = 120
PAGES = {
    "overview": "/",
    "slipping": "/customers",
    "filters": "/customers?tab=all&minScore=90&sort=-predictedRevenue",
    "nobody": "/customers?tab=all&minScore=99.99&maxScore=99.99",
    "customer": "/customers/{customer}",
    "data": "/data",
    "settings": "/settings",
    "jobs": "/jobs",
    "keys": "/keys",
    "backtest": "/backtest",
    "nothing": "/nowhere",
}
DOCS = {"overview": ("/", 1440, 1240), "customers": ("/customers", 1440, 900)}


def main() -> None:
    """Start a service with a history, and take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--into", type=Path, default=VAR / "screenshots")
    parser.add_argument("--docs", action="store_true", help="only those of docs/")
    arguments = parser.parse_args()
    with servers.folder() as folder, redis_server(folder, free_port()) as redis_url:
        settings = Settings(database_url=f"sqlite:///{folder / 'clv.db'}", redis_url=redis_url)
        rows = purchases()
        before = until(rows, RUNS)
        with running(settings, before, AT_RISK_DAYS) as service, chromium.running() as browser:
            make_history(settings, service, rows)
            customer = slipping_customer(service)
            if arguments.docs:
                take_for_docs(browser, service)
            else:
                take_all(browser, service, arguments.into, customer)


def take_all(browser, service: Service, into: Path, customer: str) -> None:
    """Each page, by the key of an admin, and what it looks like without data."""
    into.mkdir(parents=True, exist_ok=True)
    for theme in THEMES:
        for width, height in WIDTHS.items():
            size = {"width": width, "height": height}
            context = browser.new_context(
                base_url=service.url, viewport=size, color_scheme=theme, reduced_motion="reduce"
            )
            visitor = Visitor(context, service)
            visitor.page.goto("/sign-in")
            take(visitor, into / f"sign-in-{width}-{theme}.png")
            visitor.sign_in("admin")
            for name, path in PAGES.items():
                visitor.page.goto(path.format(customer=customer))
                take(visitor, into / f"{name}-{width}-{theme}.png")
            context.clear_cookies()
            visitor.sign_in("admin", "empty")
            take(visitor, into / f"empty-{width}-{theme}.png")
            context.close()


def take_for_docs(browser, service: Service) -> None:
    """The pictures of the pages in docs/: light, and as small as they can be."""
    context = browser.new_context(base_url=service.url, reduced_motion="reduce")
    visitor = Visitor(context, service)
    (ROOT / "docs").mkdir(exist_ok=True)
    page = visitor.sign_in("admin")
    for name, (path, width, height) in DOCS.items():
        page.set_viewport_size({"width": width, "height": height})
        page.goto(path)
        page.wait_for_load_state("networkidle")
        page.screenshot(path=ROOT / "docs" / f"{name}.png")
    context.close()


def take(visitor: Visitor, path: Path) -> None:
    """The whole page as it is now."""
    visitor.page.wait_for_load_state("networkidle")
    visitor.page.screenshot(path=path, full_page=True)
    print(path)


def purchases() -> list[tuple[str, str, str]]:
    """The CDNOW log: customer id, date and amount."""
    with gzip.open(ROOT / "clv" / "sample" / "cdnow.csv.gz", "rt") as lines:
        next(lines)
        return [tuple(line.split(",")[:3]) for line in lines]


def until(rows: list[tuple[str, str, str]], runs_left: int) -> list[tuple[str, str, str]]:
    """What had happened before the last runs."""
    last = max(text for _, text, _ in rows)[:10]
    end = date.fromisoformat(last) - timedelta(days=runs_left * APART_DAYS)
    return [row for row in rows if row[1][:10] <= end.isoformat()]


def make_history(settings: Settings, service: Service, rows: list) -> None:
    """Load the log as it grew, with a full run each time, and date the runs back."""
    key = service.keys["shop", "admin"]
    db.configure(settings)
    for runs_left in range(RUNS - 1, -1, -1):
        with db.scope():
            date_back(APART_DAYS * DAY_MS)
        text = service.csv(until(rows, runs_left))
        service.ask("PUT", "/transactions?replace=true", key, text, "csv")
        service.ask("POST", "/clv/compute", key, b"{}")
    db.database.close_all()


def date_back(by_ms: int) -> None:
    """Make all that the tenant's runs left so much older."""
    for run_id, text in db.rows("SELECT id, overview FROM run WHERE overview IS NOT NULL"):
        found = json.loads(text)
        found["as_of_ms"] -= by_ms
        db.execute("UPDATE run SET overview = %s WHERE id = %s", (json.dumps(found), run_id))
    for column in ("created_ms", "started_ms", "finished_ms"):
        db.execute(f"UPDATE run SET {column} = {column} - %s", (by_ms,))
    db.execute("UPDATE clv_change SET at_ms = at_ms - %s", (by_ms,))
    db.execute("UPDATE clv_record SET computed_ms = computed_ms - %s", (by_ms,))


def slipping_customer(service: Service) -> str:
    """Somebody with something to show."""
    key = service.keys["shop", "admin"]
    query = f"sort=-revenueAtRisk&minRecency={AT_RISK_DAYS}&maxRecency=230"
    found = service.ask("GET", f"/clv/records?{query}", key)
    return found["data"][0]["customerId"]


if __name__ == "__main__":
    main()
