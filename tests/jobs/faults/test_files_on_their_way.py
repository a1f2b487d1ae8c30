"""Customers erased while a file that names them is read."""

import io
import random
import threading
from collections.abc import Callable

import pytest

from clv import db
from clv.files.choices import Choices
from clv.files.stream import File
from clv.services import loading
from clv.services.customers import erase_customer
from clv.services.loading import Loaded, Options
from clv.store import removals, summaries
from tests.jobs.faults.support import TRIALS
from tests.jobs.support import DAY, add_customers, together
from tests.support.removals import hmac_of

ROWS = 60
NAMED = [f"c{n:05}" for n in range(1, ROWS + 1)]


def load_transactions(tenant, progress: Callable[[], None], replace: bool = False) -> Loaded:
    rows = "".join(f"{one},2026-02-0{n % 9 + 1},1{n}.50\n" for n, one in enumerate(NAMED))
    file = File(io.BytesIO(f"customer_id,date,amount\n{rows}".encode()))
    options = Options(replace=replace, progress=progress)
    return loading.load_transactions(tenant, file, Choices(), options)


def load_summaries(tenant, progress: Callable[[], None], replace: bool = False) -> Loaded:
    head = "customerId,periodType,periodKey,converts,totalValue,lastContactAt\n"
    rows = "".join(f"{one},daily,2026-02-01,1,7.25,2026-02-01T09:00:00Z\n" for one in NAMED)
    options = Options(replace=replace, progress=progress)
    return loading.load_summaries(tenant, File(io.BytesIO((head + rows).encode())), options)


LOADS = [load_transactions, load_summaries]


@pytest.fixture
def customers(tenant):
    add_customers(tenant, ROWS)


def elsewhere(action: Callable[[], None]) -> None:
    """Do something in another process's place, on a connection of its own."""
    wrong = together(action)
    assert wrong == []


def once(action: Callable[[], None]) -> Callable[[], None]:
    """Call an action at the first call only."""
    calls = iter([action])
    return lambda: next(calls, lambda: None)()


def here(tenant, customer_ids: list[str]) -> list[str]:
    return [one for one in customer_ids if summaries.exist(tenant.id, one)]


@pytest.mark.parametrize("replace", [False, True])
@pytest.mark.parametrize("load", LOADS)
def test_who_is_erased_while_a_file_is_read_does_not_come_back(tenant, customers, load, replace):
    with db.scope():
        erase = lambda: erase_customer(tenant, "c00007")  # noqa: E731
        loaded = load(tenant, once(lambda: elsewhere(erase)), replace)
        assert here(tenant, NAMED) == [one for one in NAMED if one != "c00007"]
        assert loaded.received == ROWS - 1
        assert [(left.reason, left.rows) for left in loaded.left_out] == [(loading.ERASED, 1)]
        assert loaded.left_out[0].total == (165_000 if load is load_transactions else 72_500)
        assert loaded.left_out[0].lines in ((), (8,))
        assert db.value("SELECT customers FROM tenant") == ROWS - 1


@pytest.mark.parametrize("load", LOADS)
def test_without_the_fence_the_erased_comes_back(tenant, customers, load, monkeypatch):
    monkeypatch.setattr(removals, "erased_since", lambda *since: removals.Erased("", set()))
    with db.scope():
        erase = lambda: erase_customer(tenant, "c00007")  # noqa: E731
        load(tenant, once(lambda: elsewhere(erase)))
        assert here(tenant, ["c00007"]) == ["c00007"]


@pytest.mark.parametrize("load", LOADS)
def test_a_file_that_begins_after_the_erasure_brings_the_customer_in_again(tenant, customers, load):
    with db.scope():
        erase_customer(tenant, "c00007")
        loaded = load(tenant, lambda: None)
        assert (loaded.received, loaded.left_out) == (ROWS, ())
        assert here(tenant, ["c00007"]) == ["c00007"]


def test_who_leaves_by_a_row_of_zeros_may_come_back_with_a_file_on_its_way(tenant, customers):
    """A row of zeros corrects data, and so does the file; nobody wants to be forgotten."""

    def remove() -> None:
        zeros = summaries.Summary("c00007", "2026-01-01", "", "", "", 0, 0, 0, 0, 0)
        loading.add_summaries(tenant, "daily", [zeros])

    with db.scope():
        load_transactions(tenant, once(lambda: elsewhere(remove)))
        assert here(tenant, ["c00007"]) == ["c00007"]


def test_erasures_at_the_same_time_as_files_are_merged_leave_nothing(tenant, customers):
    def together_with_files(chance: random.Random, victims: list[str]) -> list[Exception]:
        """Files of all customers begin; then the victims are erased, while they are merged."""
        begun = threading.Barrier(3)

        def erase() -> None:
            begun.wait()
            for victim in victims:
                erase_customer(tenant, victim)

        def read(load: Callable) -> None:
            load(tenant, once(begun.wait))

        first, second = chance.choices(LOADS, k=2)
        return together(erase, lambda: read(first), lambda: read(second))

    for trial in range(TRIALS):
        chance = random.Random(trial)
        victims = chance.sample(NAMED, 20)
        assert together_with_files(chance, victims) == []
        with db.scope():
            assert here(tenant, victims) == []
            assert db.value("SELECT customers FROM tenant") == ROWS - 20
            add_customers(tenant, ROWS)


def test_a_row_that_is_sent_while_its_customer_is_erased_does_not_bring_the_customer_back(
    tenant, customers, monkeypatch
):
    stage = loading.staging.stage_summaries

    def staged(rows) -> None:
        stage(rows)
        elsewhere(lambda: erase_customer(tenant, "c00007"))

    monkeypatch.setattr(loading.staging, "stage_summaries", staged)
    with db.scope():
        rows = [
            summaries.Summary(one, "2026-02-01", "", "", "", 1, 1, 1, DAY, DAY)
            for one in ("c00007", "c00008")
        ]
        merged = loading.add_summaries(tenant, "daily", rows)
        assert (merged.received, merged.inserted) == (1, 1)
        assert here(tenant, ["c00007", "c00008"]) == ["c00008"]


def test_removals_are_numbered_by_tenant_and_name_nobody(tenant, customers):
    with db.scope():
        for victim in ("c00003", "c00001"):
            erase_customer(tenant, victim)
        stored = db.rows("SELECT number, customer_hmac, erased FROM removal ORDER BY number")
        key = db.value("SELECT removal_key FROM tenant")
        assert stored == [
            (number, hmac_of(key, victim), True)
            for number, victim in enumerate(("c00003", "c00001"), 1)
        ]
        assert removals.last(tenant.id) == 2
        # The number of a removal that was pruned is not given again.
        db.execute("DELETE FROM removal")
        erase_customer(tenant, "c00002")
        assert db.rows("SELECT number FROM removal") == [(3,)]
