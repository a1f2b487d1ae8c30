"""The command line: ``flask …``. Commands are as thin as views. Results go to standard output,
everything else to standard error."""

from flask import Flask

from clv.cli.backtest import backtest
from clv.cli.compute import compute
from clv.cli.database import backup, migrate
from clv.cli.export import export
from clv.cli.import_file import import_file
from clv.cli.keys import keys_group
from clv.cli.maintenance import maintenance
from clv.cli.tenants import tenants_group


def register(app: Flask) -> None:
    """Add the commands to the application."""
    for command in (
        migrate,
        backup,
        tenants_group,
        keys_group,
        import_file,
        export,
        compute,
        backtest,
        maintenance,
    ):
        app.cli.add_command(command)
