"""A real service with the purchases of 23,570 customers, and a real browser in front of it."""

import http.client
import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

from playwright.sync_api import BrowserContext, Page

from clv import db
from clv.auth.keys import create_key
from clv.auth.principal import Role
from clv.config import Settings
from clv.store import tenants
from tests.api.web import gunicorn
from tests.support.processes import start_worker

AXE = (Path(__file__).parent / "axe-core" / "axe.min.js").read_text()
# What WCAG 2.2 AA asks for, and axe-core's own advice.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
THEMES = ("light", "dark")
FEW = 12
# Tenants without data, to which tests give some.
NEWCOMERS = ("shopify", "german", "messy")


@dataclass
class Service:
    """The running service.

    :param keys: API keys by tenant and role: ``keys["shop", "viewer"]``. The tenant shop has the
        CDNOW purchases, until today, few has 12 customers, and the others have none
    """

    port: int
    keys: dict[tuple[str, str], str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    def ask(self, method: str, path: str, key: str, body: bytes | None = None, kind: str = "json"):
        """The JSON that the API answers."""
        headers = {"Authorization": f"Bearer {key}", "Content-Type": f"application/{kind}"}
        if kind == "csv":
            headers["Content-Type"] = "text/csv"
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)) as connection:
            connection.request(method, f"/api/v1{path}", body, headers)
            answer = connection.getresponse()
            text = answer.read()
            assert answer.status < 300, text
            return json.loads(text)

    @staticmethod
    def csv(rows: list[tuple[str, str, str]]) -> bytes:
        """The rows as a file, so many days later that the last one is of today."""
        return ("customer_id,date,amount\n" + "\n".join(map(",".join, _until_today(rows)))).encode()


@contextmanager
def running(
    settings: Settings, rows: list[tuple[str, str, str]], at_risk_days: int = 30
) -> Iterator[Service]:
    """The service on these settings with its tenants, computed.

    :param rows: customer id, date and amount
    :param at_risk_days: of the tenant shop
    """
    keys = _make_tenants(settings)
    worker = start_worker(settings)
    try:
        with gunicorn(settings, WEB_THREADS="8") as web:
            service = Service(web.port, keys)
            for role in ("editor", "viewer"):
                body = json.dumps({"role": role, "label": role}).encode()
                created = service.ask("POST", "/api-keys", keys["shop", "admin"], body)
                keys["shop", role] = created["token"]
            chosen = json.dumps({"atRiskDays": at_risk_days}).encode()
            service.ask("PUT", "/settings", keys["shop", "admin"], chosen)
            for name, some in (("shop", rows), ("few", rows[:FEW])):
                key = keys[name, "admin"]
                service.ask("PUT", "/transactions", key, service.csv(some), "csv")
                job = service.ask("POST", "/clv/compute", key, b"{}")
                # A slow machine has not done in time.
                while job.get("status") in ("queued", "running"):
                    job = service.ask("GET", f"/clv/jobs/{job['jobId']}?wait=25", key)
            yield service
    finally:
        worker.terminate()
        worker.wait()


class Visitor:
    """Somebody at a browser of their own, whose troubles are noted.

    :param page: Playwright's page, with the service's address as its base
    """

    def __init__(self, context: BrowserContext, service: Service) -> None:
        self.page: Page = context.new_page()
        self.service = service
        self.problems: list[str] = []
        self.requested: list[str] = []
        self.page.on("console", self._listen)
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("request", lambda request: self.requested.append(request.url))

    def sign_in(self, role: str = "viewer", tenant: str = "shop", at: str = "/") -> Page:
        """Open a page, sign in, and arrive there."""
        self.page.goto(at)
        self.page.get_by_label("API key").fill(self.service.keys[tenant, role])
        self.page.get_by_role("button", name="Sign in").click()
        # In full: the address of the sign-in ends with where it leads.
        self.page.wait_for_url(f"{self.service.url}{at}")
        return self.page

    def expect(self, *problems: str) -> None:
        """These words in the console were meant, such as the 404 of a page that must not be."""
        self.problems = [text for text in self.problems if not any(p in text for p in problems)]

    def check(self) -> None:
        """Nothing was wrong with the pages, and nothing came from elsewhere."""
        assert not self.problems, self.problems
        foreign = [url for url in self.requested if not url.startswith((self.service.url, "data:"))]
        assert not foreign, foreign

    def check_access(self) -> None:
        """The page as it is now can be used by everybody, in light and in dark."""
        self.page.evaluate(AXE)
        for theme, chosen in (
            ("light", {"type": "tag", "values": RULES}),
            ("dark", {"type": "rule", "values": ["color-contrast"]}),
        ):
            self.page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            options = {"runOnly": chosen, "resultTypes": ["violations"]}
            found = self.page.evaluate("options => axe.run(document, options)", options)
            assert not found["violations"], (theme, self.page.url, _summary(found["violations"]))
        self.page.emulate_media(color_scheme="light")

    def _listen(self, message) -> None:
        if message.type in ("error", "warning"):
            self.problems.append(message.text)


def _summary(violations: list[dict]) -> str:
    return "\n".join(
        f"{violation['id']}: {node['html'][:200]} {node['failureSummary'][:300]}"
        for violation in violations
        for node in violation["nodes"][:3]
    )


def _until_today(rows: list[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """The rows, all so many days later that the last one is of today."""
    days = {text: date.fromisoformat(text[:10]) for _, text, _ in rows}
    shift = datetime.now(UTC).date() - max(days.values())
    return [(customer, (days[text] + shift).isoformat(), amount) for customer, text, amount in rows]


def _make_tenants(settings: Settings) -> dict[tuple[str, str], str]:
    """The tenants, each with the key of an admin, in an empty database."""
    before, keys = db.database.obj, {}
    db.configure(settings)
    try:
        with db.scope():
            db.migrate()
            for name in ("shop", "few", "empty", *NEWCOMERS):
                keys[name, "admin"] = create_key(tenants.create_tenant(name), Role.ADMIN)
    finally:
        db.database.close_all()
        db.database.initialize(before)
    return keys
