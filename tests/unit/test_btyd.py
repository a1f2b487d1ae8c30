"""The model of buyers: published values, exactness, and what it does with poor data."""

import subprocess
import sys

import numpy as np
import pytest

from clv import btyd
from clv.errors import NotFitted

PARAMETERS = btyd.Parameters(r=0.243, alpha=30.9, a=0.793, b=2.426, p=6.25, q=3.74, v=15.45)
PREDICT = """
import sys
import numpy as np
from clv import btyd
parameters = btyd.Parameters(0.243, 30.9, 0.793, 2.426, 6.25, 3.74, 15.45)
btyd.predicted_revenue(parameters, [0, 2], [0, 30], [80, 90], [10.0, 20.0], 730.5)
btyd.probability_of_silence(parameters, [0, 2], [0, 30], [80, 90], 90)
btyd.interval(parameters, 2, 30, 90, 20.0, 730.5)
assert "scipy" not in sys.modules
"""


def test_predicting_never_imports_scipy():
    subprocess.run([sys.executable, "-c", PREDICT], check=True)


def test_a_base_of_one_time_buyers_is_not_fitted():
    nothing = np.zeros(100, dtype=int)
    with pytest.raises(NotFitted, match="come back"):
        btyd.fit(nothing, nothing, np.arange(100), np.full(100, 10.0))


def test_one_customer_alone_gets_what_it_gets_among_others():
    x, t_x, age = np.array([0, 1, 5, 400]), np.array([0, 9, 70, 700]), np.array([3, 90, 80, 701])
    value = np.array([10.0, 0.0, -5.0, 30.5])
    page = btyd.predicted_revenue(PARAMETERS, x, t_x, age, value, 730.5)
    alone = [
        btyd.predicted_revenue(PARAMETERS, *one, 730.5)[0]
        for one in zip(x, t_x, age, value, strict=True)
    ]
    assert page.tolist() == alone
