"""Chaos: the real service on real servers, while everything that can die does so at random times.

``python -m tests.load.chaos --faults 500 --database postgresql --seed 1`` starts a Redis, two
workers and a web process, and lets one tenant be computed again and again. Meanwhile work-horses,
workers, web processes and Redis are killed (Redis comes back empty), and the database drops its
connections. After each run everybody must have been computed exactly once: triggers in the
database log each record that is written, in the transaction that writes it.
"""

import argparse
from collections.abc import Callable

from clv.config import Settings
from tests.load.chaos_database import install_log
from tests.load.chaos_faults import plan_of
from tests.load.chaos_report import Report
from tests.load.chaos_runs import Chaos
from tests.load.chaos_stage import begun, end, own_settings, staged

CUSTOMERS = 20_000


def chaos(
    settings: Settings,
    faults: int,
    seed: int,
    customers: int = CUSTOMERS,
    say: Callable[[str], None] = print,
) -> Report:
    """Inject so many faults into runs over so many customers.

    :param settings: of an empty database that nobody else uses; Redis is started here
    """
    with staged(settings, seed, customers, say, install_log) as stage:
        unfolding = Chaos(stage.processes, stage.report, stage.key, customers, say)
        unfolding.unfold(plan_of(faults, seed, stage.report.database))
    return stage.report


def main() -> None:
    """The command line; it ends with 1 when anybody was lost or counted twice."""
    parser = argparse.ArgumentParser(prog="python -m tests.load.chaos", description=__doc__)
    options = begun(parser, faults=500, customers=CUSTOMERS)
    with own_settings(options.database) as settings:
        report = chaos(settings, options.faults, options.seed, options.customers)
    end(report)


if __name__ == "__main__":
    main()
