"""Commands for backups."""

from __future__ import annotations

from pathlib import Path

import click

from app.cli.door import CommandGroup
from app.now import now
from app.privacy import replay as again
from app.privacy.executor import ledger_of
from app.privacy.ledger import line_of, parse
from app.web import portal

backup = CommandGroup("backup", help="Backups: database, files and erasure ledger in one file.")

FILE = click.argument("file", type=click.Path(path_type=Path))


@backup.command()
@FILE
def create(file: Path) -> None:
    """Write a backup to FILE while the portal runs, and read it back. Sealed when PORTAL_BACKUP_KEY is set."""
    from app import backup as backups

    parts = portal()
    made = backups.create(
        file,
        database_url=parts.database.url,
        storage=parts.storage,
        ledger=[line_of(entry) for entry in ledger_of(parts).entries()],
        key=parts.backup_key,
        made_at=int(now().timestamp()),
    )
    sealed = "sealed" if parts.backup_key else "not sealed (PORTAL_BACKUP_KEY is not set)"
    click.echo(f"{file}: {made.rows} rows, {len(made.files)} files, verified, {sealed}.")


@backup.command()
@FILE
def verify(file: Path) -> None:
    """Read FILE whole and compare everything in it with its manifest."""
    from app import backup as backups

    found = backups.verify(file, key=portal().backup_key)
    click.echo(f"{file}: {found.rows} rows, {len(found.files)} files, nothing damaged.")


@backup.command()
@FILE
@click.option("--replace", is_flag=True, help="Put the backup in the place of the rows that are there.")
def restore(file: Path, replace: bool) -> None:
    """Restore FILE into the configured database, then erase again whatever was erased since. Stop the portal first."""
    from app import backup as backups

    parts = portal()
    ledger = ledger_of(parts)
    parts.database.dispose()
    found = backups.restore(
        file,
        database_url=parts.database.url,
        storage=parts.storage,
        search_dir=parts.search_dir,
        key=parts.backup_key,
        replace=replace,
        merge_ledger=lambda lines: ledger.merge(parse(lines)),
    )
    click.echo(f"{file}: {found.rows} rows and {len(found.files)} files restored.")
    click.echo(f"Erased again from the ledger: {again.replay(parts)}.")
    if len(parts.ledger_folders) == 1:
        click.echo("The ledger has one place only, the data directory; PORTAL_LEDGER_URL gives it a second.")
