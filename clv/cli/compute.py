"""``flask compute``: starts batch runs and shows their progress."""

import sys
import time
from dataclasses import dataclass, field

import click
from flask.cli import with_appcontext

from clv.cli.errors import plain_errors
from clv.domain.scoring import SEGMENTS
from clv.http.application import components
from clv.services import runs
from clv.services.job import Job
from clv.store import tenants

PROGRESS_SECONDS = 0.3
# How long a run is watched while no worker is alive.
WORKER_SECONDS = 30.0
_NO_WORKER_CAME = "No worker is running. The run goes on when one does."
# Steps of the progress bar for each percent.
STEPS = 10


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
    started = _start(name, segment)
    if not components().queue.workers_alive():
        click.echo(runs.NO_WORKER, err=True)
    if no_wait:
        for tenant_name, job in started:
            click.echo(f"{tenant_name}\t{job.job_id}")
        return
    workers = _Workers()
    succeeded = [_follow(tenant_name, job, workers) for tenant_name, job in started]
    if not all(succeeded):
        sys.exit(1)


def _start(name: str | None, segment: str | None) -> list[tuple[str, Job]]:
    """Start a run of the tenant, or of every one; return the runs with their tenants' names."""
    settings, queue = components().settings, components().queue
    chosen = tenants.all_tenants() if name is None else [tenants.tenant_by_name(name)]
    if not chosen:
        click.echo("There are no tenants.", err=True)
    return [
        (tenant.name, runs.start(tenant.id, segment, "command line", settings, queue))
        for tenant in chosen
    ]


@dataclass
class _Workers:
    """Whether a worker may still come to the runs: one was alive lately, or may be starting."""

    seen: float = field(default_factory=time.monotonic)

    def may_come(self) -> bool:
        """Look for one."""
        if components().queue.has_workers():
            self.seen = time.monotonic()
        return time.monotonic() - self.seen < WORKER_SECONDS


def _follow(tenant_name: str, job: Job, workers: _Workers) -> bool:
    """Show a run until it ends, or for as long as a worker may come; return whether it finished."""
    queue = components().queue
    with click.progressbar(length=100 * STEPS, label=tenant_name, file=sys.stderr) as bar:
        while job.is_active and workers.may_come():
            job = runs.wait(job, PROGRESS_SECONDS, queue)
            bar.update(int(job.percent * STEPS) - bar.pos)
    outcome = f"{job.computed:,} computed, {job.errors:,} errors"
    message = _NO_WORKER_CAME if job.is_active else job.message
    click.echo(f"{tenant_name}: {job.status}, {outcome}{f': {message}' if message else ''}")
    return job.success
