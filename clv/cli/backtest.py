"""``flask backtest``: how far off the predictions would have been, as a table."""

import json
import sys
from typing import Any

import click
from flask.cli import with_appcontext

from clv.cli.errors import plain_errors
from clv.http.application import components
from clv.services import backtests
from clv.services import backtests as job
from clv.store import backtests as stored
from clv.store import tenants

# A figure's name, its field, and how it is written.
FIGURES = (
    ("mean absolute error", "meanAbsoluteError", ",.2f"),
    ("root mean squared error", "rootMeanSquaredError", ",.2f"),
    ("total predicted / actual", "totalRatio", ".2f"),
    ("rank correlation (Spearman)", "spearman", ".3f"),
    ("revenue of the best tenth", "topDecileCapture", ".3f"),
    ("churn: AUC", "churnAuc", ".3f"),
    ("churn: Brier score", "churnBrier", ".3f"),
)


@click.command()
@click.option("--tenant", "name", required=True)
@click.option("--holdout-days", type=click.IntRange(1, 3_650), help="Default: half of the history.")
@with_appcontext
@plain_errors
def backtest(name: str, holdout_days: int | None) -> None:
    """Measure the models on a tenant's own history: fit them to its first part and compare what
    they predict of the last days with what came. Needs no worker and no Redis."""
    settings = components().settings
    tenant = tenants.tenant_by_name(name)
    started = backtests.start(
        tenant, holdout_days, "command line", settings.run_deadline_hours, None
    )
    try:
        job.work(started.id, settings)
    finally:
        # It has no effect on one that has ended.
        job.fail(started.id, "The command was interrupted.")
    found = stored.by_id(started.id)
    if found.result is None:
        click.echo(f"Failed: {found.message}", err=True)
        sys.exit(1)
    _print(json.loads(found.result))


def _print(result: dict[str, Any]) -> None:
    models = result["models"]
    click.echo(
        f"{result['customers']:,} customers who bought from {result['firstDay']} until"
        f" {result['splitDay']}; {result['returned']:,} of them bought again until"
        f" {result['lastDay']}, for {result['revenue']:,.2f}."
    )
    click.echo("".join([" " * 28, *(f"{model['model']:>12}" for model in models)]))
    for title, field, form in FIGURES:
        figures = [_text(model[field], form) for model in models]
        click.echo("".join([f"{title:28}", *(f"{figure:>12}" for figure in figures)]))
    click.echo(result["sentence"])


def _text(figure: float | None, form: str) -> str:
    return "-" if figure is None else format(figure, form)
