"""One attack in a process of its own: ``python -m tests.load.attacks NAME``.

It reads port and keys as a line of JSON, attacks until its standard input ends (so also when
whoever started it dies), and writes its tally.
"""

import json
import os
import resource
import sys
import threading

from tests.load.attacks.attacker import Attacker
from tests.load.attacks.catalogue import ATTACKS


def main() -> None:
    """Attack."""
    os.nice(19)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with open(sys.stdin.fileno(), "rb", closefd=False) as orders:
        attacker = Attacker(**json.loads(orders.readline()))
        threading.Thread(target=_attack, args=(attacker,), daemon=True).start()
        orders.read()
    attacker.stop.set()
    print(json.dumps(attacker.tally), flush=True)
    # Not one connection is closed properly.
    os._exit(0)


def _attack(attacker: Attacker) -> None:
    try:
        ATTACKS[sys.argv[1]](attacker)
    except Exception as error:
        attacker.count(f"fault: {error!r}")
        raise


if __name__ == "__main__":
    main()
