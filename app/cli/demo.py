"""Commands for the demo: an invented firm to look around in, or for trials at size."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import cast

import click
from flask import Flask, current_app

from app import demo as work
from app.articles.importing import Source
from app.cli.door import CommandGroup
from app.web import portal

demo = CommandGroup("demo", help="The demo: an invented firm with customers, a team and articles.")


@demo.command()
@click.option(
    "--articles", type=click.IntRange(0, 100_000), default=0, help="Generated articles, in each language."
)
@click.option("--customers", type=click.IntRange(0, 100_000), default=0, help="Generated customers.")
@click.option("--agents", type=click.IntRange(0, 1_000), default=0, help="Generated agents.")
@click.option("--tickets", type=click.IntRange(0, 1_000_000), default=0, help="Generated requests.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed makes the same data.")
def load(articles: int, customers: int, agents: int, tickets: int, seed: int) -> None:
    """Load the demo. What is there already stays."""
    outcome = work.load(
        _app(),
        articles=articles,
        customers=customers,
        agents=agents,
        tickets=tickets,
        seed=seed,
        follow=_shown,
    )
    for fault in outcome.faults:
        click.echo(fault, err=True)
    click.echo(f"New articles: {outcome.added}. Changed: {outcome.changed}. Unchanged: {outcome.unchanged}.")
    click.echo(f"Accounts: {portal().data_dir / work.ACCOUNTS}")
    if outcome.faults:
        raise click.ClickException(f"{len(outcome.faults)} articles could not be loaded.")


@demo.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
def clear(yes: bool) -> None:
    """Take the demo away again: people under .example, the demo's organisations, articles and legal texts."""
    if not yes:
        click.confirm("Remove all people under .example and everything of the demo?", abort=True)
    work.clear(_app())
    click.echo("The demo is gone.")


def _shown(blocks: Iterable[list[Source]], label: str, total: int) -> Iterable[list[Source]]:
    from rich.progress import track  # large, and only this shows progress

    return track(blocks, label, total=total, disable=not sys.stdout.isatty())


def _app() -> Flask:
    return cast(Flask, current_app._get_current_object())  # type: ignore[attr-defined]
