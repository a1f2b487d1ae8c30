"""Requests that no honest client sends, as bytes to a real gunicorn: each is answered, with the
status that says what is wrong, and the service goes on."""

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from clv import db
from clv.auth import keys
from clv.auth.principal import Role
from clv.http.headers import HEADERS
from clv.store import tenants
from tests.api.support import row
from tests.api.web import Answer, Web, gunicorn
from tests.conftest import empty_tables

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


ABUSES: list[Abuse] = []


def abuse(name: str, statuses: int | tuple[int, ...], request: bytes, end: bool = False) -> None:
    """One row of the table."""
    wanted = (statuses,) if isinstance(statuses, int) else statuses
    ABUSES.append(Abuse(name, wanted, request, end))


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


# Numbers
for number, status in (
    ("1e999999", 400),
    ("-1e999999", 400),
    ("9" * 5000, 400),
    ("-" + "9" * 5000, 400),
    ("1" + "0" * 400 + ".5", 400),
    ("NaN", 400),
    ("Infinity", 400),
    ("-Infinity", 400),
    ("1000000001", 400),
    ("9007199254740993", 400),
    ("1.5", 400),
    ('"7"', 400),
    ("true", 400),
    ("[]", 400),
    ("0x10", 400),
    ("01", 400),
    ("-0", 200),
    ("1e0", (200, 400)),
):
    abuse(f"impressions {number[:12]}", status, with_value("impressions", number))
for number, status in (
    ("1e999999", 400),
    ("1e-999999", 200),
    ("-0.0", 200),
    ("0.00001", 400),
    ("1e9000", 400),
    ("0." + "0" * 5000 + "1", (200, 400)),
    ("9" * 5000, 400),
    ("NaN", 400),
):
    abuse(f"totalValue {number[:12]}", status, with_value("totalValue", number))

# Nesting and shapes
for name, body in {
    "100,000 open arrays": "[" * 100_000,
    "100,000 closed arrays": "[" * 100_000 + "]" * 100_000,
    "100,000 open objects": '{"data":' * 100_000,
    "deep within a row": '{"data":[{"customerId":' + "[" * 50_000 + "]" * 50_000 + "}]}",
    "an array for the body": "[]",
    "a string for the body": '"data"',
    "null for the body": "null",
    "a number for the body": "1",
    "an object for the rows": '{"data":{}}',
    "an array for a row": '{"data":[[]]}',
    "null for a row": '{"data":[null]}',
    "a string for the rows": '{"data":"aaaa"}',
    "no rows": '{"data":[]}',
    "1,001 rows": json.dumps({"data": [GOOD] * 1001}),
    "an unknown name": f'{{"data":[],"{MARK}":1}}',
    "an unknown name in a row": json.dumps({"data": [{**GOOD, MARK: 1}]}),
    "a polluting name": '{"data":[],"__proto__":{"role":"admin"}}',
    "two equal names": f'{{"data":{json.dumps([GOOD])},"data":[]}}',
    "two equal names, escaped": f'{{"data":{json.dumps([GOOD])},"d\\u0061ta":[]}}',
    "two values": "{}{}",
    "a comment": '{"data":[]/**/}',
    "single quotes": "{'data':[]}",
    "spaces alone": " " * 1000,
    "4 MB of spaces": " " * LIMIT,
}.items():
    abuse(name, 400, rows(body))
abuse("an array for a segment", 400, text("POST", COMPUTE, *JSON, body='{"segment":[]}'))
abuse("an object for a segment", 400, text("POST", COMPUTE, *JSON, body='{"segment":{"$ne":1}}'))
abuse("an array for the filter", 400, text("POST", COMPUTE, *JSON, body="[]"))

# Texts
for name, value in {
    "NUL": '"a\\u0000b"',
    "a lone surrogate": '"a\\ud800b"',
    "a lone low surrogate": '"\\udfff"',
    "a line end": '"a\\nb"',
    "a raw NUL": '"a\0b"',
    "10,000 characters": json.dumps("x" * 10_000),
    "a slash": '"a/b"',
    "dots": '".."',
}.items():
    abuse(f"a customer with {name}", 400, with_value("customerId", value))
abuse("an offer with NUL", 400, with_value("offerId", '"\\u0000"'))
abuse(
    "a label with a surrogate",
    400,
    text("POST", "/api/v1/api-keys", *JSON, body='{"role":"viewer","label":"\\udc00"}'),
)
abuse(
    "a label that is a script",
    400,
    text("POST", "/api/v1/api-keys", *JSON, body=f'{{"role":"{MARK}","label":"x"}}'),
)

# Encodings
abuse("a body that is not UTF-8", 400, rows(b'{"data": "\xff\xfe"}'))
abuse("a surrogate in UTF-8", 400, rows(b'{"data": "\xed\xa0\x80"}'))
abuse("overlong UTF-8", 400, rows(b'{"data": "\xc0\xaf"}'))
abuse("a byte order mark", 400, rows(b"\xef\xbb\xbf" + json.dumps({"data": [GOOD]}).encode()))
abuse("UTF-16", 400, rows(json.dumps({"data": [GOOD]}).encode("utf-16")))
abuse("UTF-32", 400, rows(json.dumps({"data": [GOOD]}).encode("utf-32")))
for kind, status in {
    "application/json; charset=latin-1": 400,
    "application/json; charset=utf-16": 400,
    "application/json; charset=no-such": 400,
    f'application/json; charset="{MARK}"': 400,
}.items():
    abuse(kind, status, rows('{"data":"é"}'.encode("latin-1"), f"Content-Type: {kind}"))
for kind in (
    "text/plain",
    "application/json, text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "multipart/form-data; boundary=" + "x" * 4000,
    f"{MARK}",
    ";;;",
    "application/",
):
    abuse(f"content type {kind[:30]}", 415, rows('{"data":[]}', f"Content-Type: {kind}"))
abuse("a file of no known type", 415, text("PUT", FILE, "Content-Type: text/html", body="a"))

# Sizes
abuse("10 MB of JSON", 413, rows(b" " * MANY))
abuse("10 MB of text", 415, rows(b" " * MANY, "Content-Type: text/plain"))
abuse("10 MB where none belongs", 200, text("GET", CLV, body=b"x" * MANY))
abuse("10 MB that are ignored", 200, text("POST", CLV, body=b"x" * MANY))
abuse("10 MB without a key", 401, rows(b" " * MANY, *JSON, key=False))
abuse("10 MB to nowhere", 404, text("POST", "/nowhere", body=b" " * MANY))
abuse("10 MB of a wrong method", 405, text("DELETE", CLV, body=b" " * MANY))
abuse("10 MB for a filter", 413, text("POST", COMPUTE, *JSON, body=b" " * MANY))
abuse("10 MB for settings", 413, text("PUT", "/api/v1/settings", *JSON, body=b" " * MANY))
abuse("10 MB for a key", 413, text("POST", "/api/v1/api-keys", *JSON, body=b" " * MANY))
abuse("a file of one long line", 400, text("PUT", FILE, *CSV, body=b"x" * MANY))
abuse("a file of NULs", 400, text("PUT", FILE, *CSV, body=b"\0" * MANY))
bad_line = b"customer_id,date,amount\n" + b'"' + b"x" * MANY
abuse("a file of one open quote", 400, text("PUT", FILE, *CSV, body=bad_line))
deep = b"[" * 100_000 + b"\n"
ndjson = "Content-Type: application/x-ndjson"
abuse("a file of deep lines", 400, text("PUT", FILE, ndjson, body=deep * 20))

# Compression
bomb = gzip.compress(b"customer_id,date,amount\n" + b"a,2026-04-30,1\n" * 1_000_000)
abuse("a gzip bomb", 413, text("PUT", FILE, *CSV, body=bomb))
abuse("a gzip bomb as JSON", 400, rows(gzip.compress(b" " * 100_000_000)))
packed = gzip.compress(json.dumps({"data": [GOOD]}).encode())
for coding in ("gzip", "br", "gzip, gzip", MARK):
    abuse(f"JSON in {coding}", 415, rows(packed, *JSON, f"Content-Encoding: {coding}"))
abuse("half a gzip", 400, text("PUT", FILE, *CSV, body=bomb[:2000]))
abuse("a gzip of a gzip", 400, text("PUT", FILE, *CSV, body=gzip.compress(bomb)))
abuse("the magic alone", 400, text("PUT", FILE, *CSV, body=b"\x1f\x8b"))

# Lengths and chunks
abuse("a length that is too long", 400, rows('{"data":[]}', length="500"), end=True)
abuse("a file whose length is too long", 400, text("PUT", FILE, *CSV, body="a", length="9"), True)
abuse("a length that is too short", 400, rows(json.dumps({"data": [GOOD]}), length="5"))
for length in ("-1", "+5", "5, 5", "0x10", "9" * 5000, "5.0", "\xb2", "abc", "5 5"):
    abuse(f"length {length[:10]}", 400, rows("{}   ", length=length))
abuse("two lengths", 400, rows("{}", *JSON, "Content-Length: 5"))
abuse("two equal lengths", 400, rows("{}", *JSON, "Content-Length: 2"))
abuse("a petabyte of JSON", 413, rows("{}", length=str(10**15)))
abuse("no length", 400, rows(b"", *JSON))
full = chunk(b" " * 65_536, 100)
abuse("6 MB in chunks", 413, chunked(ROWS, "POST", *JSON, chunks=full))
abuse("6 MB of text in chunks", 415, chunked(ROWS, "POST", "Content-Type: a/b", chunks=full))
abuse("1-byte chunks", 400, chunked(ROWS, "POST", *JSON, chunks=chunk(b" ", 20_000)))
for name, chunks in {
    "a size that is no number": b"zz\r\n{}\r\n0\r\n\r\n",
    "a negative size": b"-2\r\n{}\r\n0\r\n\r\n",
    "a signed size": b"+2\r\n{}\r\n0\r\n\r\n",
    "a size with 0x": b"0x2\r\n{}\r\n0\r\n\r\n",
    "an empty size": b"\r\n{}\r\n0\r\n\r\n",
    "no end of a chunk": b"2\r\n{}0\r\n\r\n",
    "no last chunk": b"2\r\n{}\r\n",
    "half a chunk": b"ffff\r\n{}",
    "a huge size": b"f" * 20 + b"\r\n{}",
    "a size of 10 KB": b"0" * 10_000 + b"2\r\n{}\r\n0\r\n\r\n",
    "a bad extension": b"2;\r\r\n{}\r\n0\r\n\r\n",
    "bare line ends": b"2\n{}\n0\n\n",
    "a length as a trailer": b"2\r\n{}\r\n0\r\nContent-Length: 5\r\n\r\n",
    "nothing": b"",
}.items():
    abuse(f"chunks with {name}", 400, chunked(ROWS, "POST", *JSON, chunks=chunks), end=True)
    abuse(f"a file in chunks with {name}", 400, chunked(FILE, "PUT", *CSV, chunks=chunks), end=True)

# Smuggling
inner = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
for coding in (
    "chunked",
    "xchunked",
    "chunked, identity",
    "identity, chunked",
    "chunked, chunked",
    "gzip, chunked",
    "gzip",
    "identity",
    "\x0bchunked",
    "chunked\x00",
    '"chunked"',
):
    both = text("POST", ROWS, *JSON, f"Transfer-Encoding: {coding}", length="6")
    abuse(f"length and coding {coding!r}", 400, both + b"0\r\n\r\n" + inner)
    if "chunked" not in coding.split(", ")[-1] or coding.startswith("chunked,"):
        alone = text("POST", ROWS, *JSON, f"Transfer-Encoding: {coding}")
        abuse(f"coding {coding!r}", 400, alone + b"0\r\n\r\n" + inner)
abuse("two codings", 400, chunked(ROWS, "POST", "Transfer-Encoding: chunked", chunks=chunk(b"{}")))
spaced = text("POST", ROWS, *JSON, "Transfer-Encoding : chunked", length="6")
abuse("a space before the colon", 400, spaced + b"0\r\n\r\n" + inner)
abuse(
    "chunks of HTTP/1.0", 400, text("POST", ROWS, "Transfer-Encoding: chunked", version="HTTP/1.0")
)
abuse("a header with a CR", 400, text("GET", CLV, "X-A: a\rContent-Length: 5"))
abuse("a length with an underscore", 400, rows("{}", *JSON, "Content_Length: 2", length=None))

# Headers
for name, status, lines in (
    ("two keys", 401, ("Authorization: Bearer @KEY@",)),
    ("two tenants", 403, ("X-Tenant-Id: abused", "X-Tenant-Id: abused")),
    ("two tenants, one foreign", 403, ("X-Tenant-Id: abused", "X-Tenant-Id: other")),
    ("a tenant of junk", 403, (f"X-Tenant-Id: {MARK}",)),
    ("a tenant that is not UTF-8", 403, ("X-Tenant-Id: \xff\xfe",)),
    ("a tenant of 8 KB", 403, ("X-Tenant-Id: " + "a" * 8000,)),
    ("a header of 100 KB", 431, ("X-Large: " + "a" * 100_000,)),
    ("100 headers", 431, tuple(f"X-{n}: a" for n in range(100))),
    ("10,000 headers", 431, tuple(f"X-{n}: a" for n in range(10_000))),
    ("60 headers of 8 KB", 431, tuple(f"X-{n}: {'a' * 9000}" for n in range(60))),
    ("no colon", 400, (f"X-{MARK}",)),
    ("no name", 400, (": a",)),
    ("a name with a space", 400, ("X A: a",)),
    ("a name that is no token", 400, (f"{MARK}: a",)),
    ("a folded header", 400, ("X-A: a", " b")),
    ("NUL in a header", 400, ("X-A: a\0b",)),
    ("an unknown expectation", 417, (f"Expect: {MARK}",)),
    ("underscores", 200, ("X_Tenant_Id: other", "X_Forwarded_For: 1.2.3.4")),
    ("another method", 200, ("X-HTTP-Method-Override: DELETE", "X-Method-Override: DELETE")),
    ("another path", 200, ("X-Original-URL: /api/v1/api-keys", "X-Rewrite-URL: /rq")),
    ("a script's name", 200, ("SCRIPT_NAME: /api", "PATH_INFO: /rq")),
    ("a script's name with dashes", 200, ("Script-Name: /api", "Path-Info: /rq")),
    ("a forwarded client", 200, ("X-Forwarded-For: 1.2.3.4", "X-Forwarded-Proto: https")),
    ("contradicting schemes", 200, ("X-Forwarded-Proto: https", "X-Forwarded-Ssl: off")),
    ("a forwarded prefix", 200, (f"X-Forwarded-Prefix: /{MARK}", f"X-Forwarded-Host: {MARK}")),
    ("an id of 10 KB", 431, ("X-Request-Id: " + "a" * 10_000,)),
    ("an id of 5 KB", 200, ("X-Request-Id: " + "a" * 5000,)),
    ("an id with line ends", 200, ("X-Request-Id: a%0d%0aSet-Cookie: b", f"X-A: {MARK}")),
    ("an id of junk", 200, (f"X-Request-Id: {MARK}\xff",)),
    ("a negative age", 200, ("Cache-Control: max-age=-1",)),
    ("a huge age", 200, ("Cache-Control: max-age=99999999999",)),
    ("an age of 5,000 digits", 200, ("Cache-Control: max-age=" + "9" * 5000,)),
    ("an age of junk", 200, (f"Cache-Control: max-age={MARK}, max-age=, =, ,\xb2",)),
    ("two ages", 200, ("Cache-Control: max-age=1", "Cache-Control: max-age=99999")),
    ("an unsatisfiable range", 200, ("Range: bytes=999999-",)),
    ("accepting junk", 200, (f"Accept: {MARK};q=x,,;", f"Accept-Encoding: {MARK};q=9")),
    ("a cookie of 8 KB", 200, ("Cookie: " + "a=b;" * 2000,)),
    ("junk to match", 200, (f'If-None-Match: W/"{MARK}', "If-Modified-Since: never")),
    (
        "an upgrade",
        200,
        ("Upgrade: h2c", "Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: A"),
    ),
    ("a websocket", 400, ("Upgrade: websocket", "Connection: Upgrade")),
    ("hop-by-hop authorization", 200, ("Connection: close, Authorization",)),
):
    abuse(name, status, text("GET", CLV, *lines))
for token in ("Bearer", "Bearer \xff", "Bearer clv_é", "Basic !!!", f"Bearer {MARK}", "a" * 8000):
    line = f"Authorization: {token}"
    abuse(f"key {token[:15]!r}", 401, text("GET", CLV, line, key=False))
for host, status in {
    "": (200, 400),
    "Host:": (200, 400),
    f"Host: {MARK}": (200, 400),
    "Host: a b": (200, 400),
    "Host: evil.example:99999999": (200, 400),
    "Host: [::1": (200, 400),
    "Host: " + "a" * 5000: (200, 400),
    "Host: \xff": (200, 400),
    "Host: localhost\r\nHost: evil.example": 400,
}.items():
    abuse(f"{host[:40]!r}", status, text("GET", CLV, host=host))
    abuse(f"{host[:40]!r} without a path", (404, 400), text("GET", "/none", host=host))
abuse("waiting to continue", 200, rows(json.dumps({"data": [GOOD]}), *JSON, "Expect: 100-continue"))
preferences = f"Prefer: respond-async; wait={MARK}, wait=9e99, ,;=,respond-async=\xff"
abuse("junk preferred", (200, 202), text("POST", COMPUTE, preferences))
abuse("a range of a file", 416, text("GET", ASSET, "Range: bytes=99999999-"))
abuse("a range of junk", (200, 416), text("GET", ASSET, f"Range: bytes={MARK}"))
abuse("100 ranges", (200, 206, 416), text("GET", ASSET, "Range: bytes=" + "0-0," * 100 + "1-2"))

# Methods and targets
for method, status in {
    "FOO": 405,
    "TRACE": 405,
    "PATCH": 405,
    "PROPFIND": 405,
    "DELETE": 405,
    "get": 400,
    "G\0T": 400,
    "A" * 100: 400,
    MARK: 400,
}.items():
    abuse(f"method {method[:10]!r}", status, text(method))
abuse("a tunnel", (400, 404, 405), text("CONNECT", "evil.example:443"))
abuse("everything's options", (200, 400, 404), text("OPTIONS", "*"))
for target, status in {
    f"http://evil.example{CLV}": 200,
    f"ftp://evil.example{CLV}": (200, 400),
    "http://": (400, 404),
    "evil.example": (400, 404),
    f"/{MARK}": 404,
    "/" + "a" * 20_000: 414,
    f"{CLV}?a=" + "b" * 8000: (200, 414),
    "/..%2f..%2fetc%2fpasswd": 404,
    "/%2e%2e/%2e%2e/etc/passwd": 404,
    "/../../etc/passwd": 404,
    "/api/docs/assets/../../../app.py": 404,
    "/api/docs/assets/..%2f..%2f..%2fapp.py": 404,
    "/api/docs/assets/%2e%2e/%2e%2e/app.py": 404,
    "/api/docs/assets/..%5capp.py": 404,
    "/api/docs/assets/%00": 404,
    "/api/docs/assets//etc/passwd": 404,
    "/api/docs/static/..%2fserver.py": 404,
    f"/{CLV}": 404,
    "/api//v1/customers/a/clv": 404,
    f"{CLV}/": 404,
    "/api/v1/customers//clv": 404,
    "/API/V1/customers/a/clv": 404,
    "/api/v1/customers/a/CLV": 404,
    "/api/v1/customers/%2e%2e/clv": 400,
    "/api/v1/customers/../clv": 400,
    "/api/v1/customers/a%2fb/clv": 404,
    "/api/v1/customers/%2fa/clv": 404,
    "/api/v1/customers/a%00/clv": 400,
    "/api/v1/customers/a%0d%0aSet-Cookie:%20b/clv": 400,
    "/api/v1/customers/%ff/clv": 400,
    "/api/v1/customers/%c0%af/clv": 400,
    "/api/v1/customers/%ed%a0%80/clv": 400,
    "/api/v1/customers/%20a/clv": 400,
    f"/api/v1/customers/{'a' * 129}/clv": 400,
    f"/api/v1/customers/{MARK}/clv": 404,
    "/api/v1/customers/%zz/clv": 404,
    "/api/v1/customers/%/clv": 404,
    "/api/v1/customers/a;x=y/clv": 404,
    "/api/v1/customers/a'%20OR%201=1--/clv": 404,
    "/api/v1/customers/{{7*7}}/clv": 404,
    "/api/v1/customers/\xe9/clv": 400,
    f"{CLV}#fragment": (200, 400),
    f"{JOBS}?limit=1&limit=2": 400,
    f"{JOBS}?limit=1&limit=1": 400,
    f"{JOBS}?limit[]=1": 400,
    f"{JOBS}?limit=%ff": 400,
    f"{JOBS}?limit=-1": 400,
    f"{JOBS}?limit=1e3": 400,
    f"{JOBS}?limit={'9' * 5000}": 400,
    f"{JOBS}?limit=NaN": 400,
    f"{JOBS}?limit=%00": 400,
    f"{JOBS}?cursor=%00": 400,
    f"{JOBS}?cursor=%ff": 400,
    f"{JOBS}?cursor=LTE=": 400,
    f"{JOBS}?cursor=OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5": 400,
    f"{JOBS}?{MARK}={MARK}": 400,
    f"{JOBS}?" + "&".join(f"a{n}=1" for n in range(900)): 400,
    f"{JOBS}?__proto__=1": 400,
    f"{JOBS}/{MARK}": 404,
    f"{JOBS}/00000000-0000-0000-0000-00000000000g": 404,
    f"{ROWS}?customerId=%00": 400,
    f"{ROWS}?customerId=a&customerId=b": 400,
    "/api/openapi.json?x=%ff": 200,
    "/rq/../healthz": 404,
}.items():
    abuse(target[:60], status, text("GET", target))
abuse("a method in the query", 200, text("GET", f"{CLV}?_method=DELETE"))

# What is hardly HTTP
for name, request in {
    "no version": b"GET /healthz\r\n\r\n",
    "no target": b"GET HTTP/1.1\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/9.9": text(version="HTTP/9.9"),
    "HTTP/1.10": text(version="HTTP/1.10"),
    "http/1.1": text(version="http/1.1"),
    "line feeds alone": b"GET /healthz HTTP/1.1\nHost: x\n\n",
    "spaces before the method": b"  GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
    "two spaces": b"GET  /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
    "a TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\r\n\r\n",
    "the PROXY protocol": b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n" + text(),
    "100 KB of one line": b"A" * 100_000,
    "100 KB of NULs": b"\0" * 100_000 + b"\r\n\r\n",
    "line ends alone": b"\r\n" * 1000,
}.items():
    statuses = (414, 400) if "KB" in name else 400
    abuse(name, statuses, request, True)
abuse("HTTP/1.0", 200, text(version="HTTP/1.0"))
abuse("HTTP/1.0 without a host", 200, text(version="HTTP/1.0", host=""))
abuse("half a head", 0, b"GET /healthz HTTP/1.1\r\nHost:", True)
abuse("nothing", 0, b"", True)


# What came later: backtests, settings, the forms of the pages
for value in ("NaN", "1e999", "-1", "1.5", "9" * 5000, "null", "[]", '"30"', "true"):
    body = f'{{"holdoutDays":{value}}}'
    abuse(f"backtest {value[:9]}", (202, 400, 409), text("POST", BACKTESTS, *JSON, body=body))
for value in ("NaN", "-1e-400", "1e999", "[]", "{}", "null", "9" * 5000, '"0.5"'):
    body = f'{{"weights":{{"recency":{value},"frequency":0.35,"monetary":0.30}}}}'
    abuse(f"weight {value[:9]}", 400, text("PUT", SETTINGS, *JSON, body=body))
for value in ('"us$"', '"USD\\n"', '"USDX"', '"\\u0000AB"', '"ÀÉÎ"', "840", '["USD"]'):
    body = f'{{"currency":{value}}}'
    abuse(f"currency {value}", 400, text("PUT", SETTINGS, *JSON, body=body.encode()))
for path in (COMPUTE, BACKTESTS, "/api/v1/clv/simulate", "/api/v1/api-keys"):
    abuse(f"6 MB in chunks to {path}", 413, chunked(path, "POST", *JSON, chunks=full))
abuse("6 MB in chunks for settings", 413, chunked(SETTINGS, "PUT", *JSON, chunks=full))
abuse("a gzip bomb in chunks", 413, chunked(FILE, "PUT", *CSV, chunks=chunk(bomb)))
summaries = "customerId,periodType,periodKey,impressions,lastContactAt\n"
for name, line in {
    "a number of 5,000 digits": f"a,daily,2026-04-30,{'9' * 5000},2026-04-30",
    "NaN": "a,daily,2026-04-30,NaN,2026-04-30",
    "Infinity": "a,daily,2026-04-30,Infinity,2026-04-30",
    "NUL": "a\0b,daily,2026-04-30,1,2026-04-30",
    "100,000 cells": "," * 100_000,
    "a formula": '"=cmd()",daily,2026-04-30,x,2026-04-30',
}.items():
    for path, method in ((f"{ROWS}?strict=true", "PUT"), (f"{ROWS}?strict=yes&strict=no", "PUT")):
        abuse(f"{path[30:]} {name}", 400, text(method, path, *CSV, body=summaries + line))
for name, body in {
    "nothing": b"",
    "10 MB": b"token=" + b"x" * MANY,
    "100,000 fields": b"a=1&" * 100_000,
    "NUL and junk": b"token=%00%ff%ed%a0%80&form_token=%00",
    "two tokens": b"token=a&token=b&form_token=c&form_token=d",
}.items():
    abuse(f"sign-in with {name}", (400, 403, 413), text("POST", "/sign-in", *FORM, body=body))
abuse("sign-in in chunks", (403, 413), chunked("/sign-in", "POST", *FORM, chunks=full))
parts = b"--b\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n" * 5000 + b"--b--\r\n"
multipart = "Content-Type: multipart/form-data; boundary=b"
abuse("sign-in in 5,000 parts", (403, 413), text("POST", "/sign-in", multipart, body=parts))
for cookie in ("clv=", "clv=a.b.c", f"clv={MARK}", "clv=\xff", "clv=" + "a" * 8000, "__Host-clv=x"):
    abuse(f"cookie {cookie[:12]!r}", 303, text("GET", "/", f"Cookie: {cookie}", key=False))
for target in ("//evil.example", "https://evil.example", "/\\evil.example", "javascript:a", MARK):
    abuse(f"after sign-in to {target}", (200, 400), text("GET", f"/sign-in?next={target}"))


@pytest.fixture(scope="module")
def web(settings) -> Iterator[Web]:
    """A real gunicorn with the tenant ``abused`` that has the customer ``a``."""
    db.configure(settings)
    with db.scope():
        empty_tables()
        tenant = tenants.create_tenant("abused")
        token = keys.create_key(tenant, Role.ADMIN)
    with gunicorn(settings, MAX_INFLATED_MB="1", COMPUTE_WAIT_SECONDS="0") as running:
        running.token = token
        sent = running.send(
            rows(json.dumps({"data": [row("a", 1)]})).replace(b"@KEY@", token.encode())
        )
        assert sent.status == 200
        yield running
    db.release()
    db.database.close_all()


@pytest.mark.parametrize("abuse", ABUSES, ids=lambda abuse: ascii(abuse.name))
def test_each_abuse_has_its_answer_and_the_service_goes_on(web, abuse):
    answer = web.send(abuse.request.replace(b"@KEY@", web.token.encode()), abuse.end)
    assert (answer.status if answer else 0) in abuse.statuses, answer
    if answer:
        assert_is_sound(answer, is_page=b" /sign-in" in abuse.request[:20])
    # With the connection of its own that each request has here, and the record still there.
    normal = web.get(CLV, Authorization=f"Bearer {web.token}", X_Request_Id="sane")
    assert normal.status == 200 and json.loads(normal.body)["customerId"] == "a"
    assert normal.headers["X-Request-Id"] == "sane"


def assert_is_sound(answer: Answer, is_page: bool = False) -> None:
    """Whatever the request was, its response is ours in form and shows nothing of it."""
    assert answer.headers["X-Request-Id"] and len(answer.headers["X-Request-Id"]) <= 128
    for name in HEADERS:
        assert len(answer.headers.get_all(name)) == 1, name
    # Only the pages set one, which is their own.
    for cookie in answer.headers.get_all("Set-Cookie") or ():
        assert cookie.startswith("clv=") and "HttpOnly" in cookie
    shown = answer.body.decode() + str(answer.headers)
    assert MARK not in shown and "Traceback" not in shown and "smuggled" not in shown
    if answer.status >= 400 and is_page:
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    elif answer.status >= 400:
        assert answer.headers["Content-Type"] == "application/json"
        body = json.loads(answer.body)
        assert list(body)[:3] == ["code", "status", "message"] and body["message"]
        assert set(body) <= {"code", "status", "message", "errors"}
        assert body["code"] == answer.status
    if answer.status == 405:
        assert answer.headers["Allow"]


def test_the_table_is_long_and_each_row_has_its_own_name():
    names = [abuse.name for abuse in ABUSES]
    assert len(names) >= 60 and len(set(names)) == len(names)
