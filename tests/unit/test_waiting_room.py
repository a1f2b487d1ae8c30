"""Seats for slow requests: how many a tenant gets, alone and beside others."""

from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clv.errors import Unavailable
from clv.http.waiting_room import ALL_TAKEN, YOURS_TAKEN, WaitingRoom
from tests.conftest import wait_until


def most(room: WaitingRoom, owner: str) -> int:
    """How many seats an owner gets."""
    taken = 0
    while room.take(owner):
        taken += 1
    return taken


@pytest.mark.parametrize(("seats", "alone"), [(1, 1), (2, 1), (3, 2), (4, 3), (7, 6)])
def test_a_tenant_alone_takes_all_seats_but_one(seats, alone):
    room = WaitingRoom(seats)
    assert most(room, "acme") == alone
    assert most(room, "globex") == seats - alone


@pytest.mark.parametrize(("seats", "beside"), [(2, 1), (3, 2), (4, 2), (7, 4)])
def test_who_comes_second_gets_half_at_most(seats, beside):
    room = WaitingRoom(seats)
    assert room.take("acme")
    assert most(room, "globex") == min(beside, seats - 1)


def test_who_has_more_than_half_gets_no_more_while_another_has_a_seat():
    room = WaitingRoom(8)
    assert most(room, "acme") == 7
    assert room.take("globex")
    room.leave("acme")
    assert not room.take("acme")
    room.leave("globex")
    assert room.take("acme")


def test_a_refusal_says_whether_the_tenants_seats_or_all_are_taken():
    room = WaitingRoom(3)
    assert most(room, "acme") == 2
    with pytest.raises(Unavailable, match=YOURS_TAKEN), room.seat("acme"):
        pass
    with room.seat("globex"):
        with pytest.raises(Unavailable, match=ALL_TAKEN), room.seat("globex"):
            pass
        with pytest.raises(Unavailable, match=ALL_TAKEN), room.seat("initech"):
            pass


def test_a_seat_is_given_back_whatever_ended_the_request():
    room = WaitingRoom(3)
    for error in (ZeroDivisionError, SystemExit):
        with pytest.raises(error), room.seat("acme"):
            assert room.taken == 1
            raise error
    assert room.taken == 0


def test_who_is_patient_gets_the_seat_that_another_request_leaves():
    room = WaitingRoom(2)
    assert room.take("acme")
    got = []

    def wait() -> None:
        with room.seat("acme", patience=60):
            got.append(room.taken)

    waiting = Thread(target=wait)
    waiting.start()
    wait_until(lambda: room._changed._waiters, "it waits")
    room.leave("acme")
    waiting.join()
    assert got == [1] and room.taken == 0


def test_patience_ends():
    room = WaitingRoom(2)
    assert room.take("acme")
    with pytest.raises(Unavailable), room.seat("acme", patience=0.01):
        pass


@given(
    st.integers(1, 9),
    st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=60),
)
def test_no_tenant_is_shut_out_by_one_other(seats, steps):
    room, held = WaitingRoom(seats), dict.fromkeys("abc", 0)
    for owner, takes in steps:
        others = sum(held.values()) - held[owner]
        if takes:
            got = room.take(owner)
            held[owner] += got
            if got and others:
                assert held[owner] <= (seats + 1) // 2
        elif held[owner]:
            room.leave(owner)
            held[owner] -= 1
        assert room.taken == sum(held.values()) <= seats
        holders = [one for one in held if held[one]]
        if len(holders) == 1 and seats > 1:
            stranger = next(one for one in held if not held[one])
            assert room.take(stranger)
            room.leave(stranger)
