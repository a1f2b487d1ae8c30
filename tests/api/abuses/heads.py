"""Headers, methods and targets, and what is hardly HTTP."""

import json
from functools import partial

from tests.api.abuses.requests import (
    ASSET,
    CLV,
    COMPUTE,
    GOOD,
    JOBS,
    JSON,
    MARK,
    ROWS,
    Abuse,
    add,
    rows,
    text,
)

HEADS: list[Abuse] = []
abuse = partial(add, HEADS)

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
