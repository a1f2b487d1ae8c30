"""Which rows writing a score adds, singly and by a run."""

from clv import db
from tests.jobs.changes.support import AT, CUSTOMERS, broken_links, rows, scores, write_series
from tests.jobs.support import complete, compute_first_chunk, planned


def test_the_first_scores_are_a_row(write):
    with db.scope():
        write(1, [scores(50, "high"), scores(0, "low", customer_id="c00002")])
        assert rows() == [(0, 50, "high", None)]
        assert rows("c00002") == [(0, 0, "low", None)]


def test_a_change_of_segment_is_a_row_however_small_the_move(write):
    with db.scope():
        write_series(write, (50, "medium"), (50, "at_risk"), (50.1, "at_risk"), (50.1, "low"))
        assert rows() == [
            (0, 50, "medium", None),
            (1, 50, "at_risk", "medium"),
            (3, 50.1, "low", "at_risk"),
        ]


def test_a_move_of_the_score_counts_from_the_last_row_not_from_the_last_computation(write):
    with db.scope():
        up = [(50.0 + 2 * step, "medium") for step in range(6)]
        down = [(58, "medium"), (54, "medium"), (51, "medium"), (50.99, "medium")]
        write_series(write, *up, *down)
        assert rows() == [
            (0, 50, "medium", None),
            # 52 and 54 are none: the third move of 2 is the one.
            (3, 56, "medium", "medium"),
            # 58 and 60 are none, nor is 54; 51 is 5 away.
            (8, 51, "medium", "medium"),
        ]


def test_a_move_is_noted_from_where_a_change_of_segment_left_off(write):
    with db.scope():
        write_series(write, (50, "medium"), (54, "high"), (58, "high"), (59, "high"))
        assert rows() == [
            (0, 50, "medium", None),
            (1, 54, "high", "medium"),
            (3, 59, "high", "high"),
        ]


def test_a_record_that_is_older_than_the_stored_one_adds_no_row(write):
    with db.scope():
        write(1, [scores(50, "medium", AT)])
        write(1, [scores(90, "high", AT - 1), scores(7, "low", AT - 1, "c00002")])
        assert rows() == [(0, 50, "medium", None)]
        assert rows("c00002") == [(-1, 7, "low", None)]
        assert broken_links(1) == []


def test_the_same_scores_again_add_no_row(write):
    with db.scope():
        for _ in range(3):
            write(1, [scores(50), scores(20, "low", customer_id="c00002")])
        assert rows() == [(0, 50, "medium", None)]
        assert rows("c00002") == [(0, 20, "low", None)]


def test_other_scores_of_the_same_millisecond_replace_the_row(write):
    with db.scope():
        write_series(write, (50, "medium"), (50, "low"))
        again = AT + 60_000
        # Little moved: the row stays as it was noted.
        write(1, [scores(51, "low", again)])
        assert rows() == [(0, 50, "medium", None), (1, 50, "low", "medium")]
        assert broken_links(1) == []
        write(1, [scores(51, "high", again)])
        assert rows() == [(0, 50, "medium", None), (1, 51, "high", "medium")]
        write(1, [scores(70, "medium", again)])
        assert rows() == [(0, 50, "medium", None), (1, 70, "medium", "medium")]
        assert broken_links(1) == []


def test_a_record_from_before_there_were_histories_tells_where_its_first_row_began(write):
    with db.scope():
        write(1, [scores(50, "medium")])
        db.execute("DELETE FROM clv_change")
        db.execute("UPDATE clv_record SET noted_score = NULL, noted_ms = NULL, noted_from = NULL")
        write(1, [scores(50, "medium", AT + 60_000)])
        assert rows() == [(1, 50, "medium", "medium")]


def test_a_chunk_that_is_computed_again_adds_no_row(customers, bell):
    with db.scope():
        run_id = planned(bell)
        compute_first_chunk(run_id, bell)
        before = db.rows("SELECT * FROM clv_change ORDER BY customer_id")
        assert len(before) == len(CUSTOMERS)
        # As if the database had lost the chunk's cursor, and not its records.
        db.execute("UPDATE shard SET cursor = '', done = %s", (False,))
        complete(run_id, bell)
        assert db.rows("SELECT * FROM clv_change ORDER BY customer_id") == before
