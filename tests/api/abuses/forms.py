"""Backtests, settings, files of summaries, and the forms of the pages."""

from functools import partial

from tests.api.abuses.requests import (
    BACKTESTS,
    BOMB,
    COMPUTE,
    CSV,
    FILE,
    FORM,
    JSON,
    MANY,
    MARK,
    ROWS,
    SETTINGS,
    SIX_MB_IN_CHUNKS,
    Abuse,
    add,
    chunk,
    chunked,
    text,
)

FORMS: list[Abuse] = []
abuse = partial(add, FORMS)

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
    abuse(f"6 MB in chunks to {path}", 413, chunked(path, "POST", *JSON, chunks=SIX_MB_IN_CHUNKS))
abuse("6 MB in chunks for settings", 413, chunked(SETTINGS, "PUT", *JSON, chunks=SIX_MB_IN_CHUNKS))
abuse("a gzip bomb in chunks", 413, chunked(FILE, "PUT", *CSV, chunks=chunk(BOMB)))
summaries = "customerId,periodType,periodKey,impressions,lastContactAt\n"
for name, line in {
    "a number of 5,000 digits": f"a,daily,2026-04-30,{'9' * 5000},2026-04-30",
    "NaN": "a,daily,2026-04-30,NaN,2026-04-30",
    "Infinity": "a,daily,2026-04-30,Infinity,2026-04-30",
    "NUL": "a\0b,daily,2026-04-30,1,2026-04-30",
    "100,000 cells": "," * 100_000,
    "a formula": '"=cmd()",daily,2026-04-30,x,2026-04-30',
}.items():
    for path, method in ((ROWS, "PUT"), (f"{ROWS}?strict=yes&strict=no", "PUT")):
        abuse(f"{path[30:]} {name}", 400, text(method, path, *CSV, body=summaries + line))
for name, body in {
    "nothing": b"",
    "10 MB": b"token=" + b"x" * MANY,
    "100,000 fields": b"a=1&" * 100_000,
    "NUL and junk": b"token=%00%ff%ed%a0%80&form_token=%00",
    "two tokens": b"token=a&token=b&form_token=c&form_token=d",
}.items():
    abuse(f"sign-in with {name}", (400, 403, 413), text("POST", "/sign-in", *FORM, body=body))
abuse("sign-in in chunks", (403, 413), chunked("/sign-in", "POST", *FORM, chunks=SIX_MB_IN_CHUNKS))
parts = b"--b\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n" * 5000 + b"--b--\r\n"
multipart = "Content-Type: multipart/form-data; boundary=b"
abuse("sign-in in 5,000 parts", (403, 413), text("POST", "/sign-in", multipart, body=parts))
for cookie in ("clv=", "clv=a.b.c", f"clv={MARK}", "clv=\xff", "clv=" + "a" * 8000, "__Host-clv=x"):
    abuse(f"cookie {cookie[:12]!r}", 303, text("GET", "/", f"Cookie: {cookie}", key=False))
for target in ("//evil.example", "https://evil.example", "/\\evil.example", "javascript:a", MARK):
    abuse(f"after sign-in to {target}", (200, 400), text("GET", f"/sign-in?next={target}"))
