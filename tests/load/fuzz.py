"""Fuzzing: schemathesis makes requests from the OpenAPI document and sends them to the running
service, as each role.

``python -m tests.load.fuzz --cases 50000 --database postgresql --seed 1`` starts a Redis, a worker
and a web process. The cases go in rounds, each with three tenants of its own that have customers,
runs, keys and pages, for the requests overwrite and erase all of it. Each answer must be as
documented: no 5xx, no other status, header, content type or field, and ``Allow`` on a 405.
"""

import argparse
import json
import random
import sys
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit

import requests
import schemathesis
from hypothesis import strategies as st
from schemathesis.engine import from_schema
from werkzeug.datastructures import Headers

from clv.auth.principal import Role
from clv.auth.tokens import public_part
from clv.domain.explanation import DIMENSIONS
from tests.api.support import days_ago
from tests.bench import stage
from tests.load.fuzz_report import Report
from tests.load.fuzz_target import CUSTOMERS, Target, target_of
from tests.support import servers
from tests.support.contract import Exchange, check, closed
from tests.support.processes import DATABASES, wait_until

# Cases of an operation in one round, while the tenant still has what the round began with.
ROUND_CASES = 40
# What the document allows is sent, and what it does not.
CHECKS = (
    *("not_a_server_error", "status_code_conformance", "content_type_conformance"),
    *("response_headers_conformance", "response_schema_conformance", "ignored_auth"),
    *("allow_header_conformance", "unsupported_method", "as_documented"),
)
PHASES = ("examples", "coverage", "fuzzing", "stateful")
# Requests that read and add come before those that replace and remove; then come requests that go
# on with what others answered, in no order.
READING, REMOVING = ["GET", "POST"], ["PUT", "DELETE"]
SUMMARY_COLUMNS = "customerId,periodType,periodKey,impressions,lastContactAt"
VARIABLES = {
    "ATTEMPTS_LIMIT": "off",
    "COMPUTE_WAIT_SECONDS": "1",
    "MAX_INFLATED_MB": "1",
    "RATE_LIMIT": "off",
    "WEB_CONCURRENCY": "1",
}


def fuzz(
    base: str,
    cases: int,
    seed: int,
    roles: tuple[Role, ...] = tuple(Role),
    coverage: bool = True,
    paths: str = ".*",
) -> Report:
    """Send at least so many cases to the service at this address, on the configured database.

    :param coverage: begin with what the limits and types of the document suggest, some thousand
        cases that are always the same
    :param paths: a regular expression of those to send requests to
    """
    _describe_files()
    document = closed(requests.get(f"{base}/api/openapi.json", timeout=60).json())
    _leave_out_tenant(document)
    report, rounds = Report(), 0
    while report.cases < cases:
        left = (cases - report.cases) // (len(roles) * len(document["paths"]))
        phases = ("coverage", "fuzzing") if coverage and rounds == 0 else ("fuzzing",)
        steps = ((READING, phases), (REMOVING, phases), (READING + REMOVING, ("stateful",)))
        for role in roles:
            target = target_of(base, role, f"fuzz-{rounds}-{role.name.lower()}")
            for methods, phases_of_step in steps:
                configuration = _configuration(
                    base, target, min(ROUND_CASES, left + 1), seed + rounds, phases_of_step
                )
                schema = schemathesis.openapi.from_dict(document, config=configuration)
                _keep_own_key(schema, target)
                wanted = schema.include(method=methods, path_regex=paths)
                for event in from_schema(wanted).execute():
                    report.add(role.name.lower(), event)
        rounds += 1
    return report


@schemathesis.check
def as_documented(context: Any, response: Any, case: Any) -> None:
    """A check of schemathesis: the one that all tests of the API make, too."""
    headers = Headers([(k, value) for k, values in response.headers.items() for value in values])
    path = urlsplit(response.request.url).path
    exchange = Exchange(
        response.request.method, path, response.status_code, headers, response.content
    )
    check(case.operation.schema.raw_schema, exchange)


def main() -> None:
    """The command line; it ends with 1 when anything was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.load.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=50_000)
    parser.add_argument("--database", choices=DATABASES, default="sqlite")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    options = parser.parse_args()
    print(f"{options.database}, seed {options.seed}", flush=True)
    with ExitStack() as stack:
        folder = stack.enter_context(servers.folder())
        redis_url = stack.enter_context(stage.redis_server(folder))
        settings = stack.enter_context(stage.configured(options.database, folder, redis_url))
        stack.enter_context(stage.workers(settings, 1))
        port, _ = stack.enter_context(stage.web(settings, **VARIABLES))
        base = f"http://127.0.0.1:{port}"
        wait_until(lambda: _answers(base), "the service answers")
        report = fuzz(base, options.cases, options.seed)
    print(_table(report))
    for finding, request in report.findings.items():
        print(f"FOUND: {finding}\n       {request}")
    sys.exit(1 if report.findings else 0)


def _answers(base: str) -> bool:
    try:
        return requests.get(f"{base}/healthz", timeout=60).ok
    except requests.RequestException:
        return False


def _describe_files() -> None:
    """Let schemathesis know what a file of rows looks like."""
    customer, day = st.sampled_from(CUSTOMERS), st.sampled_from([days_ago(n)[:10] for n in (1, 9)])
    cell = st.one_of(customer, day, st.sampled_from(["0", "-1.5", "NaN", "1e9", "daily", ""]))
    cells = st.one_of(st.tuples(customer, day, cell), st.lists(cell, max_size=9))
    header = st.sampled_from(["customer_id,date,amount", "customerId,periodType,periodKey", ""])
    good = st.tuples(customer, st.just("daily"), day, st.sampled_from("0129"), day)
    csv = st.one_of(
        st.tuples(header, st.lists(cells.map(",".join), max_size=5)),
        st.tuples(st.just(SUMMARY_COLUMNS), st.lists(good.map(",".join), max_size=5)),
    )
    schemathesis.openapi.media_type(
        "text/csv", csv.map(lambda file: "\n".join([file[0], *file[1]]).encode())
    )
    names = st.sampled_from(["customer_id", "date", "amount", "periodKey", "<b>"])
    values = st.one_of(customer, day, st.none(), st.floats(), st.lists(st.integers()))
    line = st.one_of(
        st.tuples(customer, day).map(lambda t: dict(customer_id=t[0], date=t[1], amount=1)),
        st.dictionaries(names, values),
    )
    schemathesis.openapi.media_type(
        "application/x-ndjson",
        st.lists(line.map(json.dumps), max_size=5).map(lambda lines: "\n".join(lines).encode()),
    )


def _leave_out_tenant(document: dict[str, Any]) -> None:
    """Name no tenant in the requests: nearly all would be refused for that alone."""
    for operations in document["paths"].values():
        for operation in operations.values():
            if isinstance(operation, dict) and "parameters" in operation:
                operation["parameters"] = [
                    one for one in operation["parameters"] if one.get("name") != "X-Tenant-Id"
                ]


def _configuration(
    base: str, target: Target, each: int, seed: int, phases: tuple[str, ...]
) -> schemathesis.Config:
    row_of = "body.data[*]."
    known = {
        "path.customerId": (CUSTOMERS, 0.8),
        "path.jobId": (target.jobs, 0.8),
        "path.keyId": (target.keys, 0.5),
        "query.customerId": (CUSTOMERS, 0.6),
        "query.cursor": (target.cursors, 0.7),
        f"{row_of}customerId": (CUSTOMERS, 0.9),
        f"{row_of}periodType": (["daily"], 0.9),
        f"{row_of}periodKey": ([days_ago(n)[:10] for n in range(9)], 0.9),
        f"{row_of}lastContactAt": ([days_ago(0), days_ago(3)], 0.9),
        f"{row_of}firstContactAt": ([days_ago(70), days_ago(3)], 0.9),
        f"{row_of}totalValue": ([0, -5, 12.5, 0.0001], 0.9),
        f"{row_of}offerId": (["", "summer"], 0.9),
        f"{row_of}creativeId": (["", "banner"], 0.9),
        f"{row_of}channelId": (["", "mail"], 0.9),
        **{f"body.weights.{name}": ([0.25, 0.5], 0.9) for name in DIMENSIONS},
    }
    return schemathesis.Config.from_dict(
        {
            "seed": seed,
            "base-url": base,
            "headers": {"Authorization": f"Bearer {target.token}"},
            "dictionaries": {name: {"values": values} for name, (values, _) in known.items()},
            "parameters": {
                name: {"dictionary": name, "probability": share}
                for name, (_, share) in known.items()
            },
            "generation": {"max-examples": each, "database": "none"},
            "checks": {"enabled": False, **{name: {"enabled": True} for name in CHECKS}},
            "phases": {name: {"enabled": name in phases} for name in PHASES},
            "continue-on-failure": True,
            # A busy machine is no finding.
            "suppress-health-check": ["too_slow"],
            "request-timeout": 120,
            "warnings": False,
        }
    )


def _keep_own_key(schema: Any, target: Target) -> None:
    """Let no case revoke the key that it comes with: GET /api-keys names it."""
    own = public_part(target.token)

    @schema.hook
    def filter_path_parameters(context: Any, path_parameters: dict[str, Any] | None) -> bool:
        return (path_parameters or {}).get("keyId") != own


def _table(report: Report) -> str:
    lines = []
    for role, operations in report.statuses.items():
        for label, statuses in operations.items():
            seen = " ".join(f"{status}: {count}" for status, count in sorted(statuses.items()))
            lines.append(f"{role:8}{label:56}{seen}")
    for role in report.statuses:
        lines.append(
            f"{role:8}{report.total(role).total()} cases, {report.share_of_success(role):.0%} 2xx"
        )
    return "\n".join((*lines, f"{report.cases} cases, {len(report.findings)} findings"))


if __name__ == "__main__":
    main()
