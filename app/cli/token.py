"""Commands for the keys with which programs use the JSON doors."""

from __future__ import annotations

import click

from app.accounts import api_tokens
from app.cli.door import CommandGroup, changing, looking
from app.now import now

THROUGH = "command line"

token = CommandGroup("token", help="Keys for programs: each carries one person's rights.")


@token.command()
@click.option("--email", required=True, help="The person whose rights the key carries.")
@click.option(
    "--scopes", required=True, help=f"What it opens, separated by commas: {', '.join(api_tokens.SCOPES)}."
)
def create(email: str, scopes: str) -> None:
    """Make a key and print it. It is shown only once."""
    wanted = scopes.replace(",", " ").split()
    with changing() as session:
        number, key = api_tokens.create(session, email, wanted, actor_id=None, now=now(), through=THROUGH)
    click.echo(f"Key {number} for {email}. Keep it safe; it is not shown again.", err=True)
    click.echo(key)


@token.command()
@click.argument("key")
def revoke(key: str) -> None:
    """End KEY, given by its number or by itself. Programs that use it are turned away at once."""
    with changing() as session:
        number = api_tokens.revoke(session, key, actor_id=None, now=now(), through=THROUGH)
    click.echo(f"Key {number} is revoked.")


@token.command("list")
@click.option("--email", help="Only those of this person.")
def list_(email: str | None) -> None:
    """Show which keys there are, never the keys themselves."""
    with looking() as session:
        rows = api_tokens.listed(session, email)
    for number, address, scopes, created_at, revoked_at in rows:
        state = f"revoked {revoked_at:%Y-%m-%d}" if revoked_at else "valid"
        click.echo(f"{number}  {address}  {','.join(scopes)}  made {created_at:%Y-%m-%d}  {state}")
