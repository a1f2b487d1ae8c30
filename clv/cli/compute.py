"""``flask compute``."""

import sys

import click
from flask.cli import with_appcontext

from clv.cli.errors import plain_errors
from clv.domain.scoring import SEGMENTS
from clv.http.application import components
from clv.services import runs
from clv.store import tenants
from clv.store.tenants import Tenant

PROGRESS_SECONDS = 0.3


@click.command()
@click.option("--tenant", "name", help="The tenant to compute.")
@click.option("--all", "everyone", is_flag=True, help="Compute every tenant.")
@click.option("--segment", type=click.Choice(SEGMENTS), help="Only this segment.")
@click.option("--no-wait", is_flag=True, help="Start the run and return.")
@with_appcontext
@plain_errors
def compute(name: str | None, everyone: bool, segment: str | None, no_wait: bool) -> None:
    """Start a batch run and show its progress."""
    if (name is None) != everyone:
        raise click.UsageError("Give either --tenant NAME or --all.")
    chosen = tenants.all_tenants() if name is None else [tenants.tenant_by_name(name)]
    if not chosen:
        click.echo("There are no tenants.", err=True)
    queue = components().queue
    hours = components().settings.run_deadline_hours
    started = [
        (tenant, runs.start(tenant.id, segment, "command line", hours, queue.ring))
        for tenant in chosen
    ]
    if not queue.workers_alive():
        click.echo(runs.NO_WORKER, err=True)
    failed = False
    for tenant, run in started:
        if no_wait:
            click.echo(f"{tenant.name}\t{run.job_id}")
        else:
            failed |= not _follow(tenant, run.id)
    if failed:
        sys.exit(1)


def _follow(tenant: Tenant, run_id: int) -> bool:
    """Show a run until it ends; whether it finished."""
    with click.progressbar(length=1000, label=tenant.name, file=sys.stderr) as bar:
        while (run := runs.wait(run_id, PROGRESS_SECONDS)).is_active:
            bar.update(int(runs.job(run)["percent"] * 10) - bar.pos)
        bar.update(int(runs.job(run)["percent"] * 10) - bar.pos)
    outcome = f"{run.computed:,} computed, {run.errors:,} errors"
    click.echo(f"{tenant.name}: {run.status}, {outcome}{f': {run.message}' if run.message else ''}")
    return run.status == "finished"
