"""The words that shops have for the states of an order."""

import pytest

from clv.files.columns import states


@pytest.mark.parametrize(
    "state, is_kept",
    [
        ("paid", True),
        ("PAID", True),
        ("partially_refunded", True),
        ("wc-completed", True),
        (" Wc-On-Hold ", False),
        ("Pending Payment", False),
        ("storniert", False),
        ("In Bearbeitung", True),
        ("Annulée", False),
        ("Pagado", True),
        ("", True),
        ("on its way to the moon", None),
    ],
)
def test_usual_states_are_known_however_they_are_written(state, is_kept):
    assert states.counts(state, frozenset(), frozenset()) is is_kept


def test_no_state_both_counts_and_does_not():
    assert not states.KEPT & states.LEFT_OUT
    assert all(states.plain(state) == state for state in states.KEPT | states.LEFT_OUT)
