"""What records may have beside their fixed columns: the words of ``include``.

A word and its columns are stated here once; the JSON of lists, the header and the lines of files
and the command line are made from it. A new word is an entry of :data:`WORDS`, a field of
``Listed`` that has its values, and a line of ``clv.services.included`` that fills this field.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from operator import attrgetter
from typing import Any, NamedTuple

from clv.domain.groups import NAMES
from clv.domain.scoring import ANSWERED_MODELS
from clv.files.text import fraction, money
from clv.store.listing import Listed


class Kind(Enum):
    """What the values of a column are."""

    TEXT = "text"
    WHOLE = "whole number"
    NUMBER = "number"
    PROBABILITY = "probability"
    MONEY = "money, in 1/10,000"


class Column(NamedTuple):
    """A column of files, and a field of JSON.

    :param name: in files and in JSON
    :param attribute: of the word's source
    :param choices: what a text may be, if that is known
    :param may_be_null: whether there are records without a value
    """

    name: str
    attribute: str
    kind: Kind
    description: str
    choices: Sequence[str] = ()
    may_be_null: bool = True


class Word(NamedTuple):
    """What a word of ``include`` adds.

    :param source: the attribute of a ``Listed`` that has the values
    :param about: for the documents
    """

    source: str
    about: str
    columns: tuple[Column, ...]


# In the order of their columns, whatever order a request names them in.
WORDS = {
    "rfm": Word(
        "rfm",
        "recency, frequency and monetary in fifths, and the group that they make",
        (
            Column(
                "rfm",
                "digits",
                Kind.TEXT,
                "Recency, frequency and monetary in fifths by the current distribution, such as"
                " 545; 5 is the best. Null while there is no distribution",
            ),
            Column(
                "rfmGroup",
                "group",
                Kind.TEXT,
                "The group that the fifths make; likewise",
                NAMES,
            ),
        ),
    ),
    "forecast": Word(
        "forecast",
        "what the calibrated model expects within horizonDays",
        (
            Column(
                "horizonDays",
                "horizon_days",
                Kind.WHOLE,
                "The days from computedAt on that the forecast is of",
                may_be_null=False,
            ),
            Column(
                "expectedConversions",
                "expected_conversions",
                Kind.NUMBER,
                "Expected days with a conversion within the horizon",
            ),
            Column(
                "expectedRevenue",
                "expected_revenue",
                Kind.MONEY,
                "Expected revenue within the horizon",
            ),
            Column(
                "expectedDaysToNextConversion",
                "expected_days_to_next_conversion",
                Kind.NUMBER,
                "Within so many days the next conversion comes with a probability of one half;"
                " null if that takes longer than the lifespan",
            ),
            Column(
                "probabilityActive",
                "probability_active",
                Kind.PROBABILITY,
                "That the customer has not stopped buying for good",
            ),
            Column(
                "averageConversionValue",
                "average_conversion_value",
                Kind.MONEY,
                "Expected value of a day with a conversion",
            ),
        ),
    ),
    "model": Word(
        "scores",
        "by which model and version each was predicted",
        (
            Column(
                "model",
                "versioned_model",
                Kind.TEXT,
                "The model that predicted, and its version",
                ANSWERED_MODELS,
                may_be_null=False,
            ),
        ),
    ),
}


def split_words(texts: Iterable[str]) -> tuple[str, ...]:
    """The words of texts that have one or several each, separated by commas; in their fixed order,
    each once.

    :raises ValueError: naming the words there are
    """
    given = {word.strip() for text in texts for word in text.split(",")}
    if not given <= WORDS.keys():
        raise ValueError(f"Must be one or more of: {', '.join(WORDS)}.")
    return tuple(word for word in WORDS if word in given)


def column_names(words: Sequence[str]) -> tuple[str, ...]:
    """The columns that these words add to a file."""
    return tuple(column.name for word in words for column in WORDS[word].columns)


def cells_of(words: Sequence[str], kind: str) -> Callable[[Listed], tuple[str, ...]]:
    """What returns the cells that these words add to an entry's line.

    :param kind: ``csv``, or ``ndjson``, where the cells are JSON
    """
    none, writers = ("", _CSV) if kind == "csv" else ("null", _JSON)
    ways = [
        (attrgetter(f"{WORDS[word].source}.{column.attribute}"), writers[column.kind])
        for word in words
        for column in WORDS[word].columns
    ]
    return lambda entry: tuple(
        none if (value := get(entry)) is None else write(value) for get, write in ways
    )


_CSV: dict[Kind, Callable[[Any], str]] = {
    Kind.TEXT: str,
    Kind.WHOLE: str,
    Kind.NUMBER: fraction,
    Kind.PROBABILITY: fraction,
    Kind.MONEY: money,
}
_JSON = {**_CSV, Kind.TEXT: json.dumps}
