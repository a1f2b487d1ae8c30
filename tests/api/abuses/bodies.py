"""Bodies: numbers, shapes, texts, encodings, sizes and compression."""

import gzip
import json
from functools import partial

from tests.api.abuses.requests import (
    BOMB,
    CLV,
    COMPUTE,
    CSV,
    FILE,
    GOOD,
    JSON,
    LIMIT,
    MANY,
    MARK,
    Abuse,
    add,
    rows,
    text,
    with_value,
)

BODIES: list[Abuse] = []
abuse = partial(add, BODIES)

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
    ("0.00001", 200),
    ("1000000000000.1", 400),
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
abuse("a million empty rows", 400, rows(b'{"data":[{}' + b",{}" * (LIMIT // 3 - 5) + b"]}"))
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
abuse("a gzip bomb", 413, text("PUT", FILE, *CSV, body=BOMB))
abuse("a gzip bomb as JSON", 400, rows(gzip.compress(b" " * 100_000_000)))
packed = gzip.compress(json.dumps({"data": [GOOD]}).encode())
for coding in ("gzip", "br", "gzip, gzip", MARK):
    abuse(f"JSON in {coding}", 415, rows(packed, *JSON, f"Content-Encoding: {coding}"))
abuse("half a gzip", 400, text("PUT", FILE, *CSV, body=BOMB[:2000]))
abuse("a gzip of a gzip", 400, text("PUT", FILE, *CSV, body=gzip.compress(BOMB)))
abuse("the magic alone", 400, text("PUT", FILE, *CSV, body=b"\x1f\x8b"))
