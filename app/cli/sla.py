"""Commands for promised times: why a ticket is due when it is, counting everything again, and one sweep by hand."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import click

from app.cli.door import CommandGroup, looking
from app.errors import NotVisible
from app.now import now
from app.tickets import reasons, recomputing
from app.tickets import sweep as sweeping
from app.tickets.queries import ticket_id_of
from app.web import portal

sla = CommandGroup("sla", help="Promised times: explain, recompute, sweep.")


@sla.command()
@click.argument("number", type=int)
@click.option("--lang", type=click.Choice(["de", "en"]), default="en", help="Language of the sentences.")
def explain(number: int, lang: str) -> None:
    """Say why the ticket of this NUMBER is due when it is: each clock, its stretches and their sums."""
    with looking() as session:
        told = reasons.of_ticket(session, ticket_id_of(number), now=now())
        if told is None:
            raise NotVisible
        lines = told.sentences(lang, ZoneInfo(portal().timezone))
        click.echo(f"Ticket #{number}: {told.policy_name or 'no promise'}")
        for line in lines:
            click.echo(line)
        if not lines:
            click.echo("Nothing is promised for this ticket.")


@sla.command()
@click.option("--all", "everything", is_flag=True, help="Closed tickets too, not only open ones.")
def recompute(everything: bool) -> None:
    """Make clocks, missed promises and the queue's order anew from what happened. Safe to repeat and to interrupt."""
    database = portal().database
    count = 0
    with click.progressbar(
        length=recomputing.how_many(database, everything=everything), label="Tickets"
    ) as progress:
        for size in recomputing.all_again(database, everything=everything, now=now()):
            count += size
            progress.update(size)
    click.echo(f"Tickets counted again: {count}")


@sla.command()
def sweep() -> None:
    """Tell and do what is due now: warnings, missed deadlines, steps of escalation. The worker does this every minute."""
    count = sweeping.sweep(portal().database, time_zone=portal().timezone, now=now())
    click.echo(f"Tickets looked at: {count}")
