"""The benchmark's table: what was measured, and the goal beside it."""

import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import astuple, dataclass

MIB = 1024 * 1024
Times = Mapping[str, float]
# The least ratio (time of the statement / time of our run).
LEAST_OF_STATEMENT = {
    ("postgresql", "1 worker", 200_000): 0.40,
    ("postgresql", "2 workers", 1_000_000): 0.65,
    ("sqlite", "1 worker", 200_000): 0.60,
    ("sqlite", "1 worker", 1_000_000): 0.90,
}
LEAST_OF_INSERT_MANY = 3.0
LEAST_OF_TWO_WORKERS = 1.4
MOST_OVERHEAD = 0.05
MOST_GROWTH = 1.15
MOST_MIB = 350
# Smaller runs end before their shares mean anything.
LEAST_CUSTOMERS = 200_000


@dataclass(frozen=True)
class Row:
    """One line; ``met`` is None where there is no goal."""

    database: str
    customers: int
    what: str
    value: str
    goal: str = ""
    met: bool | None = None


def rows_of_size(database: str, customers: int, times: Times, peak: int | None) -> list[Row]:
    """The medians at one size, their ratios, and the memory."""
    large = customers >= LEAST_CUSTOMERS
    rows = [
        Row(database, customers, f"{name}: median", f"{seconds:.2f} s")
        for name, seconds in times.items()
    ]

    def ratio(what: str, value: float, least: float | None) -> None:
        goal, met = ("", None) if least is None else (f"≥ {least:g}", value >= least)
        rows.append(Row(database, customers, what, f"{value:.2f}", goal, met))

    for ours in ("1 worker", "2 workers"):
        if ours in times:
            least = LEAST_OF_STATEMENT.get((database, ours, customers))
            ratio(f"statement / {ours}", times["statement"] / times[ours], least)
    if "2 workers" in times:
        least = LEAST_OF_TWO_WORKERS if customers >= max(LEAST_OF_STATEMENT)[2] else None
        ratio("1 worker / 2 workers", times["1 worker"] / times["2 workers"], least)
    ratio(
        "insert_many / 1 worker",
        times["insert_many"] / times["1 worker"],
        LEAST_OF_INSERT_MANY if large else None,
    )
    overhead = 1 - times["in process"] / times["1 worker"]
    goal, met = (f"≤ {MOST_OVERHEAD:.0%}", overhead <= MOST_OVERHEAD) if large else ("", None)
    rows.append(
        Row(database, customers, "RQ and progress, share of a run", f"{overhead:.1%}", goal, met)
    )
    if peak is not None:
        mib = peak / MIB
        what = "a worker's peak memory (PSS, parent and work-horse)"
        rows.append(
            Row(database, customers, what, f"{mib:.0f} MiB", f"< {MOST_MIB} MiB", mib < MOST_MIB)
        )
    return rows


def growth(database: str, times: Mapping[int, Times]) -> list[Row]:
    """Whether a customer costs the same in a large run as in a small one."""
    if len(times) < 3:
        return []
    small, middle, large = sorted(times)[-3:]
    first, second = (
        (times[b]["1 worker"] - times[a]["1 worker"]) / (b - a)
        for a, b in ((small, middle), (middle, large))
    )
    what = f"per customer above {middle:,} / per customer below"
    value = second / first
    return [Row(database, large, what, f"{value:.2f}", f"≤ {MOST_GROWTH:g}", value <= MOST_GROWTH)]


@contextmanager
def shown(size: str = "customers") -> Iterator[list[Row]]:
    """Rows to add to; they are shown when the block ends, even if it fails or is stopped: what was
    measured before took long enough."""
    for stop in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(stop, signal.default_int_handler)
    rows: list[Row] = []
    try:
        yield rows
    finally:
        show(rows, size)


def show(rows: list[Row], size: str = "customers") -> None:
    """Print the table; ``size`` is what the second column counts."""
    words = {None: "", True: "met", False: "MISSED"}
    lines = [("database", size, "measure", "value", "goal", "")]
    lines += [(r.database, f"{r.customers:,}", *astuple(r)[2:5], words[r.met]) for r in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for database, customers, what, value, goal, met in lines:
        print(
            f"{database:<{widths[0]}}  {customers:>{widths[1]}}  {what:<{widths[2]}}"
            f"  {value:>{widths[3]}}  {goal:<{widths[4]}}  {met}".rstrip()
        )
