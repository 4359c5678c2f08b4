"""Commands for the schema of the database, and for moving it."""

from __future__ import annotations

import logging

import click
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

import app.tables  # noqa: F401  (every model: what the schema is compared with)
from app import audit
from app.cli.door import CommandGroup, changing
from app.now import now
from app.web import portal

db = CommandGroup("db", help="The database: its schema, and moving it.")

# The migration engine is large: only these commands load it. Its notes are for its authors.
logging.getLogger("alembic").setLevel(logging.WARNING)


@db.command()
@click.option("--to", "target", default="head", show_default=True, help="Migration to stop at.")
@click.option("--backup", is_flag=True, help="Keep a copy first, and check the result before it is kept.")
def upgrade(target: str, backup: bool) -> None:
    """Bring the database to this version of the portal. A fault leaves it as it was."""
    from app import schema

    url = portal().database.url
    before = schema.current(url)
    if backup and before not in (None, schema.head()):
        copied = schema.keep_copy(url, portal().data_dir / "backups")
        click.echo(f"Copied to {copied}." if copied else "PostgreSQL is not copied here; pg_dump does that.")
    schema.upgrade(url, target, checked=backup)
    after = schema.current(url)
    if before == after:
        click.echo(f"Nothing to do: the database is at version {after}.")
        return
    _record("database.upgrade", before, after)
    click.echo(f"The database is at version {after} now (it was {before or 'empty'}).")


@db.command(context_settings={"ignore_unknown_options": True})  # -1 is not an option
@click.argument("target")
def downgrade(target: str) -> None:
    """Bring the database back to an earlier version. TARGET is its name, -1 for one step, or base for none."""
    from app import schema

    url = portal().database.url
    before = schema.current(url)
    schema.downgrade(url, target)
    after = schema.current(url)
    if after is not None:
        _record("database.downgrade", before, after)
    click.echo(f"The database is at version {after or 'none'} now (it was {before or 'empty'}).")


@db.command()
def current() -> None:
    """Print the version the database is at, and the one this program needs."""
    from app import schema

    found, newest = schema.current(portal().database.url), schema.head()
    click.echo(f"{found or 'empty'} (the program needs {newest})")


@db.command()
def check() -> None:
    """Fail unless the database has exactly this version's schema."""
    from app import schema

    schema.check(portal().database.url)
    click.echo(f"The database fits: version {schema.head()}, no differences.")


@db.command("copy-to")
@click.argument("url")
def copy_to(url: str) -> None:
    """Copy everything into an empty database, for example from SQLite to PostgreSQL. Stop the portal first.

    URL is like postgresql+psycopg://USER:PASSWORD@HOST/DATABASE or sqlite:////path/to/file.
    """
    from rich.progress import Progress, TextColumn, TimeElapsedColumn

    from app import schema

    source, target = portal().database.url, _address(url)
    if make_url(source) == make_url(target):
        raise click.UsageError("This is the database in use; name another one.")
    schema.check(source)
    with changing() as session:
        audit.record(
            session,
            actor_id=None,
            action="database.copy",
            object_kind="database",
            object_id=None,
            at=now(),
            through="command line",
        )
    with Progress(TextColumn("{task.description}"), TimeElapsedColumn(), transient=True) as progress:
        progress.add_task("Copying ...", total=None)
        counts = schema.copy(source, target)
    click.echo(f"Copied {sum(counts.values())} rows of {len(counts)} tables.")
    click.echo("Set PORTAL_DATABASE_URL to the new database. The data directory stays where it is.")


def _address(url: str) -> str:
    try:
        fits = make_url(url).get_backend_name() in ("sqlite", "postgresql")
    except ArgumentError:
        fits = False
    if not fits:
        raise click.UsageError(
            "URL must be postgresql+psycopg://USER:PASSWORD@HOST/DATABASE or sqlite:////FILE"
        )
    return url


def _record(action: str, before: str | None, after: str | None) -> None:
    with changing() as session:
        audit.record(
            session,
            actor_id=None,
            action=action,
            object_kind="database",
            object_id=None,
            at=now(),
            through="command line",
            **{"from": before, "to": after},
        )
