"""The single GET's answer is written at once; here it is held to what the schema and Flask's
encoder make of the same scores."""

from flask import Flask
from flask.json.provider import DefaultJSONProvider
from hypothesis import given
from hypothesis import strategies as st

from clv.api.schemas.customers import SOURCES, Clv, clv_json
from clv.domain.calendar import LAST_MS
from clv.domain.scoring import SEGMENTS, Scores
from clv.domain.units import MAX_STORED_INTEGER

counts = st.integers(0, MAX_STORED_INTEGER)
# Halves of a cent, and those that are none, of both signs.
amounts = st.integers(-MAX_STORED_INTEGER, MAX_STORED_INTEGER) | st.integers(-250, 250)
probabilities = st.floats(0, 1) | st.integers(0, 16).map(lambda n: n / 16)
probabilities |= st.integers(0, 2_000).map(lambda n: n / 2_000)
some_scores = st.builds(
    Scores,
    customer_id=st.text(min_size=1, max_size=128),
    score=st.floats(0, 100) | st.integers(0, 200).map(lambda n: n / 2),
    predicted_revenue=counts,
    churn_probability=probabilities,
    recency_days=st.integers(0, 30_000),
    frequency=counts,
    monetary=amounts,
    segment=st.sampled_from(SEGMENTS),
    computed_ms=st.integers(0, LAST_MS),
    tenure_days=st.integers(0, 30_000),
)


schema, encoder = Clv(), DefaultJSONProvider(Flask("encoder"))
encoder.sort_keys = False


def by_schema(scores: Scores, source: str) -> str:
    """The same the long way."""
    body = schema.dump(
        {
            "customer_id": scores.customer_id,
            "clv_score": int(scores.score + 0.5),
            "predicted_revenue": scores.predicted_revenue,
            "churn_probability": scores.churn_probability,
            "recency_days": scores.recency_days,
            "frequency": scores.frequency,
            "monetary": scores.monetary,
            "segment": scores.segment,
            "computed_ms": scores.computed_ms,
            "source": source,
        }
    )
    return encoder.dumps(body, separators=(",", ":")) + "\n"


@given(some_scores, st.sampled_from(SOURCES))
def test_the_answer_is_what_the_schema_makes_byte_by_byte(scores, source):
    assert clv_json(scores, source) == by_schema(scores, source)


def test_money_and_probabilities_are_rounded_half_up_and_zero_has_no_sign():
    scores = Scores("a", 71.5, 14_400_050, 0.0625, 5, 48, -49, "high", 1_775_212_200_000, 9)
    assert clv_json(scores, "cached") == (
        '{"customerId":"a","clvScore":72,"predictedRevenue":1440.01,"churnProbability":0.063,'
        '"rfmRecency":5,"rfmFrequency":48,"rfmMonetary":0.0,"segment":"high",'
        '"computedAt":"2026-04-03T10:30:00.000Z","source":"cached"}\n'
    )
    assert '"rfmMonetary":-0.01,' in clv_json(scores._replace(monetary=-50), "cached")
