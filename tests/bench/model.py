"""How long the calibrated model takes to fit: ``python -m tests.bench.model``.

Buyers are simulated once. Our fit and that of ``lifetimes`` (BetaGeoFitter and GammaGammaFitter)
then take turns on the same arrays, each in a process of its own; reading the file and importing
are not counted. ``lifetimes`` is unmaintained and wants libraries older than ours, so it is asked
for in another environment: ``--lifetimes PATH`` names its Python. Without it, or where it is not
installed, only ours is measured.
"""

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

import numpy as np

from clv.prediction.btyd import Parameters
from tests.bench.table import Row, show
from tests.support import buyers, servers

CUSTOMERS = 1_000_000
DAYS = 730
ROUNDS = 3
MOST_RATIO = 0.5
MOST_MIB = 450
TRUTH = Parameters(r=0.243, alpha=30.9, a=0.793, b=2.426, p=6.25, q=3.74, v=15.45)
BEGIN = """
import json, sys, time, warnings
import numpy as np
warnings.simplefilter("ignore")
x, t_x, age, mean_value = (np.load(sys.argv[1])[name] for name in ("x", "t_x", "age", "mean_value"))
"""
OURS = """
import scipy.optimize, scipy.special
from clv.prediction import btyd_fit
start, begun = time.perf_counter(), time.process_time()
found = btyd_fit.fit(x, t_x, age, mean_value).parameters.to_dict()
"""
LIFETIMES = """
from lifetimes import BetaGeoFitter, GammaGammaFitter
start, begun = time.perf_counter(), time.process_time()
purchases, values = BetaGeoFitter(), GammaGammaFitter()
purchases.fit(x, t_x, age)
values.fit(x + 1, mean_value)
found = {**purchases.params_.to_dict(), **values.params_.to_dict()}
"""
END = """
seconds, busy = time.perf_counter() - start, time.process_time() - begun
# Not getrusage: its peak would be the parent's, where that was larger at the fork.
peak = next(int(row.split()[1]) for row in open("/proc/self/status") if "VmHWM" in row) / 1024
print(json.dumps({"seconds": seconds, "busy": busy, "peak": peak, "found": found}))
"""


def main() -> None:
    """Measure, and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=CUSTOMERS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--lifetimes", default=sys.executable, metavar="PATH")
    options = parser.parse_args()
    with servers.folder() as path:
        file = Path(path) / "buyers.npz"
        simulate(file, options.customers)
        ours, theirs = [], []
        for _ in range(options.rounds):
            ours.append(measured(sys.executable, OURS, file))
            if installed(options.lifetimes):
                theirs.append(measured(options.lifetimes, LIFETIMES, file))
    show(table(options.customers, ours, theirs))


def simulate(file: Path, customers: int) -> None:
    """Buyers of the last two years, by the parameters published for CDNOW."""
    random = np.random.default_rng(1)
    log = buyers.simulated(TRUTH, random.integers(0, DAYS, customers), random)
    known = buyers.histories(log, buyers.ORIGIN)
    np.savez(file, x=known.x, t_x=known.t_x, age=known.age, mean_value=known.mean_value)


def installed(python: str) -> bool:
    """Whether this Python has lifetimes."""
    command = [python, "-W", "ignore", "-c", "import lifetimes"]
    return subprocess.run(command, capture_output=True).returncode == 0


def measured(python: str, fit: str, file: Path) -> dict:
    """One fit in a process of its own: seconds, those of a processor, peak in MiB, parameters."""
    command = [python, "-c", BEGIN + fit + END, str(file)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=buyers.ROOT)
    return json.loads(done.stdout.splitlines()[-1])


def table(customers: int, ours: list[dict], theirs: list[dict]) -> list[Row]:
    """The medians, their ratios, the memory, and how far the parameters are apart."""

    def row(what: str, value: str, goal: str = "", met: bool | None = None) -> Row:
        return Row("none", customers, what, value, goal, met)

    peak = max(run["peak"] for run in ours)
    seconds, busy = middle(ours, "seconds"), middle(ours, "busy")
    rows = [
        row("fit: median", f"{seconds:.2f} s"),
        row("fit: peak memory", f"{peak:.0f} MiB", f"≤ {MOST_MIB} MiB", peak <= MOST_MIB),
    ]
    if not theirs:
        return rows
    one, other = ours[0]["found"], theirs[0]["found"]
    apart = max(abs(one[name] / other[name] - 1) for name in one)
    ratio = seconds / middle(theirs, "seconds")
    return [
        *rows,
        row("lifetimes: median", f"{middle(theirs, 'seconds'):.2f} s"),
        row("lifetimes: peak memory", f"{max(run['peak'] for run in theirs):.0f} MiB"),
        row("parameters apart, at most", f"{apart:.2%}"),
        row("fit / lifetimes", f"{ratio:.2f}", f"≤ {MOST_RATIO:g}", ratio <= MOST_RATIO),
        row("the same in processor time", f"{busy / middle(theirs, 'busy'):.2f}"),
    ]


def middle(runs: list[dict], what: str) -> float:
    return statistics.median(run[what] for run in runs)


if __name__ == "__main__":
    main()
