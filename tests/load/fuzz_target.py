"""Tenants to send the requests of the fuzzing to."""

from dataclasses import dataclass
from typing import Any

import requests

from clv import db
from clv.auth.keys import create_key
from clv.auth.principal import Role
from clv.auth.tokens import public_part
from clv.store import tenants
from tests.api.support import row

API = "/api/v1"
CUSTOMERS = [*(f"c{n:02}" for n in range(40)), "ünïcödé", "a b", "'\";--", "%2e", "<b>", "😀"]
LISTS = ("clv/jobs", "clv/records", "clv/records?sort=-clvScore", "clv/changes")


@dataclass(frozen=True)
class Target:
    """A tenant that has something of everything, and a key of it."""

    tenant: str
    token: str
    jobs: list[str]
    keys: list[str]
    cursors: list[str]


def target_of(base: str, role: Role, name: str) -> Target:
    """Make a tenant of this name, with customers, runs and keys."""
    with db.scope():
        tenant = tenants.create_tenant(name)
        token, admin = create_key(tenant, role), create_key(tenant, Role.ADMIN)
        keys = [public_part(create_key(tenant, Role.VIEWER)) for _ in range(5)]

    def send(method: str, path: str, body: Any = None) -> Any:
        answer = requests.request(
            *(method, f"{base}{API}/{path}"),
            json=body,
            headers={"Authorization": f"Bearer {admin}"},
            timeout=60,
        )
        assert answer.ok, answer.text
        return answer.json()

    rows = [row(customer, n % 60, n + 1, n * 3.5) for n, customer in enumerate(CUSTOMERS)]
    send("POST", "interaction-summaries", {"data": rows})
    for _ in range(2):
        send("POST", "clv/compute")
    pages = [send("GET", f"{path}{'&' if '?' in path else '?'}limit=1") for path in LISTS]
    cursors = [page["pagination"]["cursor"] for page in pages]
    jobs = [job["jobId"] for job in send("GET", "clv/jobs")["data"]]
    return Target(name, token, jobs, keys, [cursor for cursor in cursors if cursor])
