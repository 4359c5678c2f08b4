"""Commands for the help centre: taking articles in, giving them out, the search index."""

from __future__ import annotations

import html
import re
import sys
from pathlib import Path

import click

from app.accounts.permissions import VISITOR
from app.articles import editions, exporting, finding, importing, indexing, starter, synonyms
from app.articles.importing import CATEGORIES, Outcome, Unreadable
from app.articles.memory import memory_of
from app.articles.service import Door
from app.cli.door import CommandGroup, changing, looking
from app.now import now
from app.web import portal
from knowledge_base.document import LANGUAGES

BLOCK = 200  # entries a transaction: the portal goes on answering meanwhile

kb = CommandGroup("kb", help="The help centre: import, export, starter articles, search index.")


@kb.command("import")
@click.argument("path", type=click.Path(path_type=Path))
def import_(path: Path) -> None:
    """Take articles from PATH: a .jsonl file, or a folder or zip of Markdown files with front matter.

    Same slug and language again is a new revision. A bad line is named, the others go in, and the status is 1.
    """
    from rich.progress import track  # large, and only this shows progress

    try:
        sources = importing.read(path)
        if path.is_dir() and (path / CATEGORIES).is_file():
            with changing() as session:
                importing.take_categories(session, path / CATEGORIES, only=None, door=_door())
                editions.turn(session)
    except (Unreadable, OSError) as fault:
        raise click.ClickException(str(fault)) from None
    outcome = Outcome()
    blocks = [sources[start : start + BLOCK] for start in range(0, len(sources), BLOCK)]
    for block in track(blocks, "Taking in", disable=not sys.stdout.isatty()):
        with changing() as session:
            importing.take_all(session, block, outcome, door=_door())
    finish(outcome)
    tell(outcome)
    if outcome.faults:
        raise click.ClickException(f"{len(outcome.faults)} of {len(sources)} could not be taken.")


@kb.command()
@click.argument("path", type=click.Path(path_type=Path))
def export(path: Path) -> None:
    """Give all articles and terms to PATH: a file ending in .jsonl, else a folder of Markdown files."""
    from rich.progress import track  # large, and only this shows progress

    with looking() as session:
        items = track(
            exporting.entries(session),
            "Giving out",
            total=exporting.count(session),
            disable=not sys.stdout.isatty(),
        )
        try:
            if path.suffix == ".jsonl":
                exporting.to_file(path, iter(items))
            else:
                exporting.categories_to_folder(session, path)
                exporting.to_folder(path, iter(items))
        except OSError as fault:
            raise click.ClickException(f"{path} cannot be written: {fault.strerror}.") from None
    click.echo(f"Written to {path}.")


@kb.command("starter")
def starter_() -> None:
    """Load the articles and the glossary that come with the portal. What was edited here is never overwritten."""
    with changing() as session:
        outcome = starter.load(session, door=_door())
    finish(outcome)
    tell(outcome)
    if outcome.faults:
        raise click.ClickException(f"{len(outcome.faults)} could not be loaded.")


@kb.command()
def reindex() -> None:
    """Build the search index anew from the database, beside the old one. It can always be thrown away."""
    with looking() as session:
        index = indexing.rebuild(session, portal().search_dir)
    click.echo(f"The search index holds {len(index.keys())} texts.")


@kb.command()
@click.argument("text")
@click.option("--lang", type=click.Choice(LANGUAGES), default="de", show_default=True)
def search(text: str, lang: str) -> None:
    """Search as a visitor does."""
    with looking() as session:
        indexing.opened(session, portal().search_dir)
        words = synonyms.kept(session, memory_of(portal().database))
        finds = finding.find(session, portal().search_dir, VISITOR, text, lang=lang, words=words)
    click.echo(f"{finds.total} found")
    for find in finds.finds:
        click.echo(f"{find.score:7.2f}  {find.slug}  {find.title}")
        click.echo(f"         {html.unescape(re.sub('</?mark>', '', find.snippet_html))}")
    if finds.did_you_mean:
        click.echo(f"Did you mean: {finds.did_you_mean}")


def finish(outcome: Outcome) -> None:
    """Make the index follow what was committed."""
    if not outcome.touched:
        return
    with looking() as session:
        importing.follow(session, portal().search_dir, outcome)
    with changing() as session:
        importing.forget_nets(session, outcome)


def tell(outcome: Outcome) -> None:
    """Say what an import did, and what was wrong with what."""
    for fault in outcome.faults:
        click.echo(fault, err=True)
    for notice in outcome.notices:
        click.echo(notice, err=True)
    click.echo(f"New: {outcome.added}. Changed: {outcome.changed}. Unchanged: {outcome.unchanged}.")


def _door() -> Door:
    return Door(None, now(), "command line", bulk=True)
