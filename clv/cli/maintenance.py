"""``flask maintenance``: deletes what was kept for long enough, and completes erasures."""

import click
from flask.cli import with_appcontext

from clv.cli.errors import plain_errors
from clv.http.application import components
from clv.services.maintenance import Maintained, maintain

_NAMES = {
    "shards": "shards of ended runs",
    "errors": "errors of runs",
    "runs": "runs",
    "backtests": "backtests",
    "distributions": "distributions",
    "removals": "removals",
    "mappings": "remembered choices of files",
    "sessions": "sessions",
}


@click.command()
@with_appcontext
@plain_errors
def maintenance() -> None:
    """Delete what was kept for long enough, and overwrite it.

    It may run beside the service, and twice. After it nothing of an erased customer is left.
    """
    done = maintain(components().settings)
    click.echo(_deleted(done))
    if done.rebuilt:
        click.echo(f"Distributions made anew after erasures: {done.rebuilt:,}.")
    if not done.vacuumed:
        raise click.ClickException(
            "Others kept the database from being vacuumed: run this again when they are idle."
        )
    click.echo("Vacuumed the database.")


def _deleted(done: Maintained) -> str:
    counts = [f"{count:,} {_NAMES[what]}" for what, count in done.deleted.items() if count]
    return f"Deleted: {', '.join(counts)}." if counts else "Nothing to delete."
