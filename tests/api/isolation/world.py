"""Three tenants that have something of everything."""

import hashlib
import re
import uuid
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from clv import db
from clv.auth.keys import create_key
from clv.auth.principal import Role
from clv.auth.tokens import PUBLIC_LENGTH
from clv.db import models
from clv.db.clock import now_ms
from clv.prediction.choice import CALIBRATED, RFM, Calibration, Choice
from clv.services import batch
from clv.store import model_changes, runs, tenants
from tests.api.support import poison, row

API = "/api/v1"
CUSTOMERS = 12
# What a tenant is called, what its money is, and the first amount of its customers.
OWNERS = (
    ("zebrafinch", "NOK", 7_100_000),
    ("waxbill", "SEK", 7_400_000),
    ("mannikin", "CHF", 7_700_000),
)
OF_NO_TENANT = (models.RunTally, models.Secret, models.Maintenance)
LABELS = ("offerId", "creativeId", "channelId")
LISTS = (
    "clv/jobs?",
    "clv/backtests?",
    "clv/records?",
    "clv/records?sort=-clvScore&",
    "clv/changes?",
    "clv/summary/history?",
)


@dataclass(frozen=True)
class Ids:
    """What requests name: of a tenant, or never used."""

    tenant: str
    customers: list[str]
    jobs: list[str]
    backtests: list[str]
    keys: list[str]
    labels: list[str]
    cursors: list[str]
    feed_cursors: list[str]

    @property
    def in_order(self) -> list[str]:
        """All of them; the n-th of two tenants stand for each other."""
        lists = (self.customers, self.jobs, self.backtests, self.keys, self.labels)
        return [self.tenant, *chain.from_iterable(lists)]

    def unused(self) -> "Ids":
        """As many that nobody ever had, of the same length."""
        return Ids(
            f"nobody{'-' * len(self.tenant)}"[: len(self.tenant)].replace("--", "-x"),
            [f"{'never'.ljust(len(one) - 2, 'x')}{n:02}" for n, one in enumerate(self.customers)],
            [str(uuid.UUID(int=n + 2**100)) for n in range(len(self.jobs))],
            [str(uuid.UUID(int=n + 2**101)) for n in range(len(self.backtests))],
            [f"{n:0{PUBLIC_LENGTH}}" for n in range(len(self.keys))],
            [f"{'label'.ljust(len(one) - 2, 'x')}{n:02}" for n, one in enumerate(self.labels)],
            self.cursors,
            self.feed_cursors,
        )


@dataclass
class Owner:
    """A tenant: its keys by role, its ids, and what else is nobody's but its own."""

    id: int
    tokens: dict[str, str]
    ids: Ids
    others: list[str]
    currency: str
    # The marks that its own writes have named, and that may be its own since.
    written: set[str] = field(default_factory=set)

    @cached_property
    def marks(self) -> tuple[str, ...]:
        """What must not show to another tenant, besides the currency."""
        return (*self.ids.in_order, *self.others)

    @cached_property
    def money(self) -> re.Pattern[str]:
        """The currency. Its three letters also occur in random ones, so they must stand alone."""
        return re.compile(rf"(?<![A-Za-z0-9]){self.currency}(?![A-Za-z0-9])")

    def marks_in(self, text: str) -> set[str]:
        """What a text has of it. Five times as fast as one regular expression of all marks."""
        return {one for one in self.marks if one in text} | set(self.money.findall(text))


@dataclass(frozen=True)
class Sent:
    """A request, as the test client takes it."""

    method: str
    path: str
    options: dict[str, Any]

    @property
    def text(self) -> str:
        """All that it says."""
        return f"{self.path} {self.options}"


class World:
    """The tenants, a client, and the operations of the document."""

    def __init__(self, app: Any) -> None:
        # A plain client: ten thousand comparisons with the document would take minutes.
        self.client = FlaskClient(app, TestResponse)
        self.app = app
        self.owners = [self._owner(*owner) for owner in OWNERS]
        self.document = self.client.get("/api/openapi.json").json

    @property
    def operations(self) -> dict[str, dict]:
        """The operations of the API by method and path."""
        return {
            f"{method.upper()} {path}": operation
            for path, operations in self.document["paths"].items()
            for method, operation in operations.items()
            if path.startswith(API) and method != "parameters"
        }

    def send(self, token: str, request: Sent) -> TestResponse:
        """The answer to a request with this key."""
        headers = {**request.options["headers"], "Authorization": f"Bearer {token}"}
        options = {**request.options, "headers": headers}
        return self.client.open(request.path, method=request.method, **options)

    def digest(self, owner: Owner) -> str:
        """A digest of all rows of a tenant, in all tables."""
        found = hashlib.sha256()
        with db.scope():
            for table in models.TABLES:
                if table in OF_NO_TENANT:
                    continue
                for one in db.rows(*_rows_of(table, owner.id)):
                    values = [bytes(v) if isinstance(v, memoryview) else v for v in one]
                    found.update(repr(values).encode())
        return found.hexdigest()

    def _owner(self, name: str, currency: str, first_amount: int) -> Owner:
        with db.scope():
            tenant = tenants.create_tenant(name)
            tokens = {
                role.name.lower(): create_key(tenant, role, f"{name.upper()}-key") for role in Role
            }
        # Of other letters than the tenant's name: who names a customer does not name the tenant.
        customers = [f"{name[::-1]}-{n:02}" for n in range(CUSTOMERS)]
        labels = [f"{name.upper()}-{kind}" for kind in ("offer", "creative", "channel")]
        amounts = [first_amount + 3_333.37 + n * 101 for n in range(CUSTOMERS)]

        def send(method: str, path: str, **body: Any) -> Any:
            request = Sent(method, f"{API}/{path}", {"headers": {}, **body})
            answer = self.send(tokens["admin"], request)
            assert answer.status_code in (200, 202), answer.text
            return answer.json

        send("PUT", "settings", json={"currency": currency})
        rows = [
            row(customer, 3 * n, n + 1, amounts[n], **dict(zip(LABELS, labels, strict=True)))
            for n, customer in enumerate(customers)
        ]
        send("POST", "interaction-summaries", json={"data": rows})
        with db.scope():
            poison(customers[0])
        for _ in range(2):
            with db.scope():
                run = runs.join_or_create(tenant.id, None, f"key {name}", 10**9)[0]
                batch.work(
                    run.id, self.app.extensions["clv"].queue, self.app.extensions["clv"].settings
                )
            send("POST", "clv/backtests")
            end_what_waits(tenant.id)
        reason = f"{name.upper()}-reason"
        with db.scope():
            _change_model(tenant.id, reason)
        jobs = [job["jobId"] for job in send("GET", "clv/jobs")["data"]]
        backtests = [one["backtestId"] for one in send("GET", "clv/backtests")["data"]]
        keys = [key["id"] for key in send("GET", "api-keys")["data"]]
        pages = [send("GET", f"{path}limit=1")["pagination"]["cursor"] for path in LISTS]
        cursors = [cursor for cursor in pages if cursor]
        feed = [
            send("GET", f"clv/feed?limit={limit}")["pagination"]["cursor"] for limit in (1, 1_000)
        ]
        ids = Ids(name, customers, jobs, backtests, keys, labels, cursors, feed)
        # To date, and predicted: 24 months of what the shortest tenure, 6 months, brought.
        money = [f"{amount:.2f}" for one in amounts for amount in (one, 4 * one)]
        others = [*money, f"{sum(amounts[1:]):.2f}", f"{name.upper()}-key", reason]
        return Owner(tenant.id, tokens, ids, others, currency)


def _change_model(tenant_id: int, reason: str) -> None:
    """Note that another model began to predict the tenant's revenue."""
    now = now_ms()
    ours = Choice(CALIBRATED, reason, now)
    model_changes.note(tenant_id, None, Calibration(None, ours, Choice(RFM, reason)), now)


def end_what_waits(tenant_id: int) -> None:
    """End what a worker of other tests could come upon, and change."""
    with db.scope():
        for table in ("run", "backtest"):
            db.execute(
                f"UPDATE {table} SET status = 'cancelled' WHERE tenant_id = %s"
                " AND status IN ('queued', 'running')",
                (tenant_id,),
            )


def _rows_of(table: Any, tenant_id: int) -> tuple[str, tuple[int]]:
    name, columns = table._meta.table_name, {c.column_name for c in table._meta.sorted_fields}
    if table is models.Tenant:
        condition = "id = %s"
    elif "tenant_id" in columns:
        condition = "tenant_id = %s"
    elif table is models.Session:
        condition = "api_key_id IN (SELECT id FROM api_key WHERE tenant_id = %s)"
    else:
        condition = "run_id IN (SELECT id FROM run WHERE tenant_id = %s)"
    order = ", ".join(str(n + 1) for n in range(len(columns)))
    return f"SELECT {', '.join(sorted(columns))} FROM {name} WHERE {condition} ORDER BY {order}", (
        tenant_id,
    )
