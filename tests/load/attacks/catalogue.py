"""All attacks by name."""

from collections.abc import Callable

from tests.load.attacks import bodies, connections, requests, transfers
from tests.load.attacks.attacker import Attacker

ATTACKS: dict[str, Callable[[Attacker], None]] = {
    attack.__name__.replace("_", "-"): attack
    for attack in (
        bodies.empty_items,
        bodies.padded_ids,
        bodies.brackets,
        bodies.alternating_lines,
        connections.half_forms,
        connections.idle_connections,
        transfers.broken_off,
        transfers.endless,
        transfers.slow_uploads,
        transfers.slow_downloads,
        transfers.simulations,
        requests.pages,
        requests.new_keys,
        requests.started_runs,
        requests.documents,
    )
}
