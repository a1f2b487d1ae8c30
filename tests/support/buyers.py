"""Buyers for the tests of the model: the packaged purchase log, and simulated ones."""

import csv
import gzip
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from clv.prediction.btyd import Parameters

ROOT = Path(__file__).parent.parent.parent
CDNOW = ROOT / "clv" / "sample" / "cdnow.csv.gz"
SAMPLE_IDS = ROOT / "tests" / "unit" / "data" / "cdnow_sample_ids.txt"


@dataclass(frozen=True)
class Log:
    """Conversion days: the buyer's number from 0, the day, and its value; one row for each day."""

    buyer: np.ndarray
    day: np.ndarray
    value: np.ndarray

    @property
    def buyers(self) -> int:
        return int(self.buyer.max()) + 1


@dataclass(frozen=True)
class Histories:
    """What the model sees of each buyer.

    :param repeat_value: mean value of the conversion days after the first, 0 without any
    """

    buyer: np.ndarray
    x: np.ndarray
    t_x: np.ndarray
    age: np.ndarray
    mean_value: np.ndarray
    repeat_value: np.ndarray


def cdnow(sample: bool = False) -> Log:
    """The CDNOW log, or the 1/10 sample of its customers that publications use."""
    with gzip.open(CDNOW, "rt") as file:
        rows = [(row["customer_id"], row["date"], row["amount"]) for row in csv.DictReader(file)]
    if sample:
        ids = set(SAMPLE_IDS.read_text().split("\n\n")[1].split())
        rows = [row for row in rows if row[0] in ids]
    ids, days, amounts = zip(*rows, strict=True)
    return log(np.array(ids), np.array([ordinal(d) for d in days]), np.array(amounts, dtype=float))


def log(ids: np.ndarray, days: np.ndarray, amounts: np.ndarray) -> Log:
    """Purchases summed up by buyer and day."""
    buyer = np.unique(ids, return_inverse=True)[1]
    keys, which = np.unique(buyer * 10**7 + days, return_inverse=True)
    return Log(keys // 10**7, keys % 10**7, np.bincount(which, amounts))


def ordinal(text: str) -> int:
    return date.fromisoformat(text).toordinal()


def histories(log: Log, until: int) -> Histories:
    """Of all who bought by the end of this day."""
    seen = log.day <= until
    buyer, day, value = log.buyer[seen], log.day[seen], log.value[seen]
    who, start, count = np.unique(buyer, return_index=True, return_counts=True)
    first, last = day[start], day[start + count - 1]
    total = np.bincount(buyer, value, log.buyers)[who]
    repeat = np.where(count > 1, (total - value[start]) / np.maximum(count - 1, 1), 0)
    return Histories(who, count - 1, last - first, until - first, total / count, repeat)


def simulated(
    parameters: Parameters, age: np.ndarray, random: np.random.Generator, horizon: int = 0
) -> Log:
    """Buyers as the model describes them, of these ages in days on day 0, until ``horizon``.

    Purchases of one day are one. The first is on day −age.
    """
    buyers = len(age)
    rate = random.gamma(parameters.r, 1 / parameters.alpha, buyers)
    stop = random.beta(parameters.a, parameters.b, buyers)
    scale = random.gamma(parameters.q, 1 / parameters.v, buyers)
    alive, time = np.arange(buyers), -age.astype(float)
    rows = [(alive, time.copy())]
    while len(alive):
        time[alive] += random.exponential(1 / rate[alive])
        alive = alive[time[alive] <= horizon]
        rows.append((alive, time[alive]))
        alive = alive[random.random(len(alive)) >= stop[alive]]
    buyer, times = (np.concatenate(parts) for parts in zip(*rows, strict=True))
    value = random.gamma(parameters.p, 1 / scale[buyer])
    return log(buyer, np.ceil(times).astype(int) + ORIGIN, value)


# Day 0 of simulated buyers.
ORIGIN = 1_000_000
