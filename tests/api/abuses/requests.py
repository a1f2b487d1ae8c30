"""The rows of the table, and requests as bytes."""

import gzip
import json
from dataclasses import dataclass

from tests.api.support import row

CLV = "/api/v1/customers/a/clv"
ROWS = "/api/v1/interaction-summaries"
FILE = "/api/v1/transactions"
COMPUTE = "/api/v1/clv/compute"
JOBS = "/api/v1/clv/jobs"
BACKTESTS = "/api/v1/clv/backtests"
SETTINGS = "/api/v1/settings"
ASSET = "/api/docs/assets/swagger-ui.css"
# Is never seen again as it is: not in a body, not in a header.
MARK = "<zz9>"
LIMIT = 4 * 1024 * 1024
MANY = 10 * 1024 * 1024
JSON = ("Content-Type: application/json",)
CSV = ("Content-Type: text/csv",)
FORM = ("Content-Type: application/x-www-form-urlencoded",)
GOOD = row("b", 1)


@dataclass(frozen=True)
class Abuse:
    """A request and the statuses that are right for it; 0: the connection is just closed."""

    name: str
    statuses: tuple[int, ...]
    request: bytes
    end: bool


def add(
    table: list[Abuse],
    name: str,
    statuses: int | tuple[int, ...],
    request: bytes,
    end: bool = False,
) -> None:
    """One row of the table."""
    wanted = (statuses,) if isinstance(statuses, int) else statuses
    table.append(Abuse(name, wanted, request, end))


def text(
    method: str = "GET",
    target: str = CLV,
    *headers: str,
    body: bytes | str = b"",
    length: str | None = "",
    key: bool = True,
    host: str = "Host: localhost",
    version: str = "HTTP/1.1",
) -> bytes:
    """A request with a valid key. An empty ``length`` is the body's own, None leaves it out."""
    data = body.encode() if isinstance(body, str) else body
    lines = [f"{method} {target} {version}", host, *headers]
    if key:
        lines.append("Authorization: Bearer @KEY@")
    if length is not None and (data or length):
        lines.append(f"Content-Length: {length or len(data)}")
    return "\r\n".join(filter(None, lines)).encode("latin-1") + b"\r\n\r\n" + data


def rows(body: bytes | str, *headers: str, **more) -> bytes:
    """A body for the interaction summaries."""
    return text("POST", ROWS, *(headers or JSON), body=body, **more)


def with_value(field: str, value: str) -> bytes:
    """A good row in which the field has this JSON value."""
    return rows(json.dumps({"data": [{**GOOD, field: "@"}]}).replace('"@"', value))


def chunked(path: str, method: str, *headers: str, chunks: bytes) -> bytes:
    """A chunked body as these bytes."""
    return text(method, path, "Transfer-Encoding: chunked", *headers) + chunks


def chunk(data: bytes, times: int = 1) -> bytes:
    """A body in equal chunks."""
    return (f"{len(data):x}\r\n".encode() + data + b"\r\n") * times + b"0\r\n\r\n"


# Bodies of several rows.
SIX_MB_IN_CHUNKS = chunk(b" " * 65_536, 100)
BOMB = gzip.compress(b"customer_id,date,amount\n" + b"a,2026-04-30,1\n" * 1_000_000)
