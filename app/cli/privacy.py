"""Commands for data protection."""

from __future__ import annotations

import click

from app.cli.door import CommandGroup, looking
from app.privacy.stores import all_sinks, subject_for
from app.web import portal

privacy = CommandGroup("privacy", help="Data protection.")


@privacy.command()
@click.argument("text")
def find(text: str) -> None:
    """Look for TEXT in every store: tables, search index, files, captured mail. An address finds all about its person."""
    if not text.strip():
        raise click.UsageError("Name what to look for.")
    with looking() as session:
        subject = subject_for(session, text)
        found = [finding for sink in all_sinks(session, portal()) for finding in sink.find(subject)]
    places = {
        (finding.sink, finding.place): finding.own for finding in sorted(found, key=lambda one: one.own)
    }
    width = max((len(store) for store, _ in places), default=0)
    for (store, place), own in sorted(places.items()):
        click.echo(f"{store:<{width}}  {place}{'' if own or subject.person_id is None else '  (names her)'}")
    click.echo(f"Places found: {len(places)}")
