"""Which waiting request goes next."""

from collections import Counter, deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clv.http.fair_queue import FairQueue


def queue_of(items: str, places: int = 7) -> FairQueue[str]:
    """A queue of items like ``a1``, whose flow is their first letter."""
    queue: FairQueue[str] = FairQueue(places, 200)
    for item in items.split():
        assert queue.put(item[0], item)
    return queue


def taken(queue: FairQueue[str]) -> list[str]:
    """All that may go now."""
    items = []
    while (next_one := queue.take()) is not None:
        items.append(next_one[1])
    return items


def test_a_flow_alone_takes_all_places_but_one_in_order():
    assert taken(queue_of("a1 a2 a3 a4 a5", places=4)) == ["a1", "a2", "a3"]


def test_the_last_place_is_for_who_has_none():
    queue = queue_of("a1 a2 a3 a4 a5", places=4)
    taken(queue)
    queue.put("b", "b1")
    queue.put("b", "b2")
    assert taken(queue) == ["b1"]


def test_of_two_places_a_flow_takes_both():
    assert taken(queue_of("a1 a2 a3", places=2)) == ["a1", "a2"]


def test_a_single_place_is_for_everybody():
    queue = queue_of("a1 a2 b1", places=1)
    assert taken(queue) == ["a1"]
    queue.done("a")
    assert taken(queue) == ["b1"]
    queue.done("b")
    assert taken(queue) == ["a2"]


def test_who_has_fewest_out_goes_first():
    queue = queue_of("a1 a2 a3 a4", places=5)
    assert taken(queue) == ["a1", "a2", "a3", "a4"]
    for item in ("a5", "b1", "b2", "b3"):
        queue.put(item[0], item)
    assert taken(queue) == ["b1"]
    queue.done("a")
    queue.done("a")
    assert taken(queue) == ["b2"], "the last place is for a third"


def test_equals_take_turns():
    queue = queue_of("a1 a2 a3 b1 b2 c1 c2", places=1)
    order = []
    while queue.waiting:
        [item] = taken(queue)
        order.append(item)
        queue.done(item[0])
    assert order == ["a1", "b1", "c1", "a2", "b2", "c2", "a3"]


def test_a_flow_whose_line_is_full_is_refused_and_others_are_not():
    queue: FairQueue[int] = FairQueue(1, 3)
    assert [queue.put("a", number) for number in range(5)] == [True, True, True, False, False]
    assert queue.put("b", 1)
    assert queue.take() == ("a", 0)
    assert queue.put("a", 5)


@pytest.mark.parametrize("flows", [1, 2, 500])
def test_nothing_is_kept_of_flows_that_have_gone(flows):
    queue: FairQueue[int] = FairQueue(3, 200)
    for flow in range(flows):
        queue.put(flow, flow)
        assert queue.take() == (flow, flow)
        queue.done(flow)
    assert not queue._lines and not queue._out and not any(queue._turns)


@given(st.integers(1, 8), st.lists(st.sampled_from(["a", "b", "c", "d", "take", "done"])))
def test_whatever_comes_the_queue_is_fair(places, steps):
    queue: FairQueue[int] = FairQueue(places, 5)
    waits: dict[str, deque[int]] = {flow: deque() for flow in "abcd"}
    out: Counter[str] = Counter()
    for number, step in enumerate(steps):
        if step == "take":
            expected = _may_go(places, waits, out)
            got = queue.take()
            assert (got is not None) == bool(expected)
            if got is not None:
                flow, item = got
                assert flow in expected and item == waits[flow].popleft()
                out[flow] += 1
                if any(waits[other] for other in waits if other != flow):
                    assert out[flow] <= (places + 1) // 2
        elif step == "done":
            if out.total():
                flow = next(out.elements())
                queue.done(flow)
                out[flow] -= 1
        else:
            assert queue.put(step, number) == (len(waits[step]) < 5)
            if len(waits[step]) < 5:
                waits[step].append(number)
        assert out.total() <= places
        assert queue.waiting == sum(map(len, waits.values()))


def _may_go(places: int, waits: dict, out: Counter) -> set[str]:
    free = places - out.total()
    waiting = [flow for flow in waits if waits[flow]]
    if not free or not waiting:
        return set()
    fewest = min(out[flow] for flow in waiting)
    if fewest and free == 1 and places > 2:
        return set()
    return {flow for flow in waiting if out[flow] == fewest}
