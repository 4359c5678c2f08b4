"""Commands for later work: running it, looking at it, trying again."""

from __future__ import annotations

from typing import cast

import click
from flask import Flask, current_app
from sqlalchemy import select

from app import audit, observe, outbox
from app import worker as work
from app.cli.door import CommandGroup, changing, looking
from app.now import now

worker = CommandGroup("worker", help="Later work: letters, the search index, sweeping.")


@worker.command()
def run() -> None:
    """Work until stopped (Ctrl-C or SIGTERM). `make run` starts one; any number may run, on any number of hosts."""
    click.echo("The worker runs. Ctrl-C stops it.")
    work.run_forever(_app())


@worker.command()
def once() -> None:
    """Do everything that is due, then end."""
    tried = work.run_once(_app())
    with looking() as session:
        waiting = outbox.backlog(session, now=now())
    click.echo(f"Jobs tried: {tried}. Waiting for a later try: {waiting.waiting}. Failed: {waiting.failed}.")


@worker.command()
def status() -> None:
    """Say whether a worker lives and how much work waits."""
    with looking() as session:
        waiting = outbox.backlog(session, now=now())
        last = observe.last_beat(session, "worker")
    age = "never" if last is None else f"{int((now() - last).total_seconds())} s ago"
    click.echo(f"Last sign of life of a worker: {age}")
    click.echo(f"Due now: {waiting.due} (the oldest for {waiting.oldest_due_seconds} s)")
    click.echo(f"Due later: {waiting.waiting}")
    click.echo(f"Failed: {waiting.failed}")


@worker.command()
def failed() -> None:
    """List the jobs that failed for good, with the kind of their last fault."""
    columns = (outbox.Job.id, outbox.Job.name, outbox.Job.ids, outbox.Job.attempts, outbox.Job.error)
    with looking() as session:
        rows = session.execute(
            select(*columns).where(outbox.Job.state == outbox.FAILED).order_by(outbox.Job.id)
        ).all()
    for number, name, ids, attempts, error in rows:
        told = " ".join(f"{key}={value}" for key, value in ids.items())
        click.echo(f"{number}  {name}  {told}  tries: {attempts}  {error}")
    if not rows:
        click.echo("No job has failed.")


@worker.command()
@click.argument("ids", type=int, nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All failed jobs.")
def retry(ids: tuple[int, ...], everything: bool) -> None:
    """Make failed jobs due again: those with these IDS, or --all."""
    if bool(ids) == everything:
        raise click.UsageError("Name the jobs by their numbers, or say --all.")
    with changing() as session:
        due = outbox.retry(session, None if everything else list(ids), now=now())
        if not everything and due != len(set(ids)):
            raise click.ClickException("Not all of these are failed jobs. Nothing was changed.")
        audit.record(
            session,
            actor_id=None,
            action="job.retry",
            object_kind="job",
            object_id=ids[0] if len(ids) == 1 else None,
            at=now(),
            through="command line",
            count=due,
        )
    click.echo(f"Jobs due again: {due}")


def _app() -> Flask:
    return cast(Flask, current_app._get_current_object())  # type: ignore[attr-defined]
