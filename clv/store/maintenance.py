"""When maintenance is due, and which distributions it makes anew."""

from clv import db
from clv.db.clock import latest_sql
from clv.store.runs import IS_ACTIVE


def is_due(due_ms: int) -> bool:
    """Whether the maintenance of this night has not begun. A new service waits for the next."""
    db.execute(
        "INSERT INTO maintenance (id, begun_ms) VALUES (1, %s) ON CONFLICT (id) DO NOTHING",
        (due_ms,),
    )
    return bool(db.rows(f"SELECT 1 FROM maintenance WHERE {_IS_OLDER} {latest_sql()})", (due_ms,)))


def begin(due_ms: int) -> bool:
    """Begin the maintenance of this night; False if somebody else has."""
    begun = f"UPDATE maintenance SET begun_ms = %s WHERE {_IS_OLDER} {latest_sql()})"
    return db.execute(begun, (due_ms, due_ms)) == 1


def begun_ms() -> int:
    """The night whose maintenance has begun last."""
    row = db.row("SELECT begun_ms FROM maintenance WHERE id = 1")
    return row[0] if row else 0


def take_back(due_ms: int, last_ms: int) -> None:
    """Let the maintenance of a night begin again, when that of ``last_ms`` was the last to end."""
    db.execute("UPDATE maintenance SET begun_ms = %s WHERE begun_ms = %s", (last_ms, due_ms))


def has_erasures_since(since_ms: int) -> bool:
    """Whether a customer was erased since."""
    erased = "SELECT 1 FROM removal WHERE at_ms >= %s AND erased LIMIT 1"
    return bool(db.rows(erased, (since_ms,)))


def is_running() -> bool:
    """Whether any run of any tenant is active."""
    return bool(db.rows(f"SELECT 1 FROM run WHERE {IS_ACTIVE} LIMIT 1"))


def tenants_to_rebuild() -> list[int]:
    """The tenants in whose current snapshot a customer may be who was erased since."""
    rows = db.rows(
        "SELECT t.id FROM tenant t JOIN snapshot s ON s.id = t.snapshot_id WHERE EXISTS"
        " (SELECT 1 FROM removal r WHERE r.tenant_id = t.id AND r.number > s.removals AND r.erased)"
        " ORDER BY t.id"
    )
    return [tenant_id for (tenant_id,) in rows]


# A night after the current time was stored while the clock was ahead.
_IS_OLDER = "(begun_ms < %s OR begun_ms >"
