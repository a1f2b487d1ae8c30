"""The dashboard: the API's use cases as pages for people."""

from collections.abc import Callable
from typing import Any

from flask import Flask
from werkzeug.exceptions import HTTPException

from clv.dashboard import (
    assets,
    backtest,
    customer,
    customers,
    data,
    errors,
    figures,
    jobs,
    keys,
    overview,
    settings,
    sign_in,
)
from clv.dashboard.blueprint import blp

PAGES = (
    assets,
    figures,
    sign_in,
    overview,
    customers,
    customer,
    data,
    settings,
    jobs,
    keys,
    backtest,
)


def mount(app: Flask, otherwise: Callable[[HTTPException], Any]) -> None:
    """Serve the pages.

    :param otherwise: answers an unknown path to clients that are not browsers
    """
    app.register_blueprint(blp)
    errors.register(app, otherwise)
