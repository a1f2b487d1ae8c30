"""Where a body ends: lengths, chunks, and requests smuggled in another."""

import json
from functools import partial

from tests.api.abuses.requests import (
    CLV,
    CSV,
    FILE,
    GOOD,
    JSON,
    ROWS,
    SIX_MB_IN_CHUNKS,
    Abuse,
    add,
    chunk,
    chunked,
    rows,
    text,
)

FRAMING: list[Abuse] = []
abuse = partial(add, FRAMING)

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
abuse("6 MB in chunks", 413, chunked(ROWS, "POST", *JSON, chunks=SIX_MB_IN_CHUNKS))
abuse(
    "6 MB of text in chunks",
    415,
    chunked(ROWS, "POST", "Content-Type: a/b", chunks=SIX_MB_IN_CHUNKS),
)
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
