"""Small requests whose work is large."""

import gzip
import json
import zlib

from tests.load.attacks.attacker import Attacker

SUMMARIES = "/api/v1/interaction-summaries"
LARGEST_BODY = 4 * 1024 * 1024
ROWS = 4_000
SPACES = b" " * 130_900
HEADER = b"customerId,periodType,periodKey,impressions,converts,totalValue,lastContactAt\n"
CELLS = b",daily,2026-04-30,3,1,42.50,2026-04-30T09:15:00Z\n"
BRACKETS = 2_000_000
ALTERNATIONS = 100_000


def empty_items(attacker: Attacker) -> None:
    """4 MiB of ``{}``, each of which has an error for each field."""
    items = b",".join([b"{}"] * (LARGEST_BODY // 3 - 10))
    body = b'{"data":[' + items + b"]}"
    headers = attacker.authorization("editor") | {"Content_Type": "application/json"}
    attacker.together(4, lambda: attacker.ask("POST", SUMMARIES, body, **headers))


def padded_ids(attacker: Attacker) -> None:
    """Ids followed by spaces, a thousandth of their size when gzipped."""
    press = zlib.compressobj(wbits=31)
    parts = [press.compress(HEADER)]
    parts += [press.compress(b"C%d%s%s" % (row, SPACES, CELLS)) for row in range(ROWS)]
    body = b"".join((*parts, press.flush()))
    headers = attacker.authorization("editor") | {"Content_Type": "text/csv"}
    attacker.together(4, lambda: attacker.ask("PUT", SUMMARIES, body, **headers))


def brackets(attacker: Attacker) -> None:
    """Lines that are each an error, 20 times, from a client that leaves at once."""
    body = gzip.compress(b"[\n" * BRACKETS)
    request = _file(attacker, body)

    def send() -> None:
        with attacker.connect() as connection:
            connection.sendall(request)
            attacker.count("sent and left")
        attacker.stop.wait(2)

    attacker.together(20, send)


def alternating_lines(attacker: Attacker) -> None:
    """Good and bad lines in turn, of a client that waits."""
    row = {"periodType": "daily", "periodKey": "2026-04-30", "impressions": 3}
    row["lastContactAt"] = "2026-04-30T09:15:00Z"
    lines = (json.dumps({"customerId": f"C{number}", **row}) for number in range(ALTERNATIONS))
    body = gzip.compress("\n[\n".join(lines).encode(), 1)
    request = _file(attacker, body)

    def send() -> None:
        with attacker.connect() as connection:
            connection.sendall(request)
            attacker.outcome(connection)

    attacker.together(4, send)


def _file(attacker: Attacker, body: bytes) -> bytes:
    headers = attacker.authorization("editor") | {"Content_Type": "application/x-ndjson"}
    path = f"{SUMMARIES}?skipBadLines=true"
    return attacker.head("PUT", path, **headers, Content_Length=str(len(body))) + body
