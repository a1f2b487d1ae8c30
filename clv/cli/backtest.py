"""``flask backtest``: how far off the predictions would have been, as a table."""

import sys

import click
from flask.cli import with_appcontext

from clv.cli.errors import plain_errors
from clv.http.application import components
from clv.prediction.backtest_result import BacktestResult
from clv.prediction.verdict import interval_sentence
from clv.services import backtests
from clv.store import tenants

# A figure's name, its attribute, and its format.
FIGURES = (
    ("mean absolute error", "mean_absolute_error", ",.2f"),
    ("root mean squared error", "root_mean_squared_error", ",.2f"),
    ("total predicted / actual", "total_ratio", ".2f"),
    ("rank correlation (Spearman)", "spearman", ".3f"),
    ("order (normalised Gini)", "normalized_gini", ".3f"),
    ("revenue of the best tenth", "top_decile_capture", ".3f"),
    ("churn: AUC", "churn_auc", ".3f"),
    ("churn: Brier score", "churn_brier", ".3f"),
    ("churn: log-loss", "churn_log_loss", ".3f"),
)


@click.command()
@click.option("--tenant", "name", required=True)
@click.option("--holdout-days", type=click.IntRange(1, 3_650), help="Default: half of the history.")
@with_appcontext
@plain_errors
def backtest(name: str, holdout_days: int | None) -> None:
    """Measure the models on a tenant's own history: fit them to its first part and compare what
    they predict of the last days with what came. Needs no worker and no Redis."""
    tenant, settings = tenants.tenant_by_name(name), components().settings
    done = backtests.measure_now(tenant, holdout_days, "command line", settings)
    if done.result is None:
        click.echo(f"Failed: {done.message}", err=True)
        sys.exit(1)
    _print(done.result)


def _print(result: BacktestResult) -> None:
    click.echo(
        f"{result.customers:,} customers from {result.first_day} until {result.split_day},"
        f" {result.visitors:,} of whom had not bought; {result.returned:,} bought until"
        f" {result.last_day}, for {result.revenue:,.2f} in all."
    )
    click.echo("".join([" " * 28, *(f"{card.model:>12}" for card in result.models)]))
    for title, attribute, form in FIGURES:
        figures = [_text(getattr(card, attribute), form) for card in result.models]
        click.echo("".join([f"{title:28}", *(f"{figure:>12}" for figure in figures)]))
    interval = interval_sentence(result.models)
    if interval:
        click.echo(interval)
    click.echo(result.sentence)


def _text(figure: float | None, form: str) -> str:
    return "-" if figure is None else format(figure, form)
