"""``flask migrate`` and ``flask backup``: the tables, and a copy of them."""

from pathlib import Path

import click

from clv import db, private_files
from clv.cli.errors import plain_errors
from clv.errors import Invalid


@click.command()
@plain_errors
def migrate() -> None:
    """Create or update the tables."""
    applied = db.migrate()
    click.echo(f"Applied: {', '.join(applied)}." if applied else "Nothing to do.", err=True)


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@plain_errors
def backup(file: Path) -> None:
    """Copy the SQLite database to FILE, as of one moment, while the service runs.

    FILE appears when it is complete, and only you may read it.
    """
    if not db.is_sqlite():
        raise Invalid('PostgreSQL has its own: pg_dump --format custom --file FILE "$DATABASE_URL"')
    with private_files.complete(file) as copy:
        db.backup(Path(copy.name))
