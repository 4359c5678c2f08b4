"""Commands for people: adding, listing, closing accounts, links for those who cannot get a letter."""

from __future__ import annotations

import sys

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts import passwords, teams, tokens
from app.accounts import people as service
from app.accounts.directory import belongings
from app.accounts.models import ADMIN, AGENT, CUSTOMER, EDITOR, LEAD, PRIVACY_OFFICER, Person, Token
from app.accounts.permissions import Held
from app.accounts.tokens import LinkRules
from app.cli.door import CommandGroup, changing, looking
from app.forms import EmailAddress
from app.i18n import format_period
from app.now import now
from app.preferences import Preferences
from app.web import portal

THROUGH = "command line"
ROLES = {
    "customer": None,
    "agent": AGENT,
    "lead": LEAD,
    "editor": EDITOR,
    "privacy-officer": PRIVACY_OFFICER,
    "admin": ADMIN,
}
BLOCK = 500  # people read at once

people = CommandGroup("people", help="People: customers and staff.")


@people.command()
@click.option("--role", type=click.Choice(list(ROLES)), required=True)
@click.option("--email", required=True)
@click.option("--name", required=True)
@click.option("--team", help="For a lead: the team; it is made if there is none of this name.")
@click.option("--language", help="Language of pages and letters; the portal's first one if not given.")
@click.option(
    "--password-stdin", is_flag=True, help="Read the password from the first line of standard input."
)
def create(
    role: str, email: str, name: str, team: str | None, language: str | None, password_stdin: bool
) -> None:
    """Add a person. Without a password an invitation link is printed; hand it over safely, it is not mailed."""
    _check(email, name, language, team, role)
    password_hash = _password_hash(name, email) if password_stdin else None
    with changing() as session:
        person = service.create(
            session,
            name=" ".join(name.split()),
            address=email,
            held=_held(session, ROLES[role], team),
            language=language or portal().languages[0],
            password_hash=password_hash,
            actor_id=None,
            now=now(),
            through=THROUGH,
        )
        link = None if password_hash else _link(session, person.id)
    click.echo(f"Added {person.email} ({role}).")
    if link is not None:
        click.echo(link)


@people.command("list")
@click.option("--role", type=click.Choice(list(ROLES)), help="Only people of this role.")
def list_people(role: str | None) -> None:
    """List people: address, name, roles and organisations, state; fields are separated by tabs."""
    with looking() as session:
        last = 0
        while rows := session.execute(
            select(
                Person.id, Person.email, Person.name, Person.kind, Person.password_hash, Person.disabled_at
            )
            .where(Person.id > last)
            .order_by(Person.id)
            .limit(BLOCK)
        ).all():
            last = rows[-1].id
            found = belongings(session, [row.id for row in rows])
            for row in rows:
                marks = [mark.removeprefix("role:") for mark in found.get(row.id, [])]
                if row.kind == CUSTOMER:
                    marks.insert(0, CUSTOMER)
                state = "closed" if row.disabled_at else "open" if row.password_hash else "no password yet"
                if role is None or (ROLES[role] or CUSTOMER) in marks:
                    click.echo("\t".join((row.email, row.name, ", ".join(marks), state)))


@people.command()
@click.argument("email")
def disable(email: str) -> None:
    """Close the account of EMAIL: its sessions and links end, nobody can sign in."""
    with changing() as session:
        person = service.with_address(session, email)
        service.close(session, person.id, actor_id=None, now=now(), through=THROUGH)
    click.echo(f"The account of {person.email} is closed.")


@people.command()
@click.argument("email")
def enable(email: str) -> None:
    """Open the closed account of EMAIL again."""
    with changing() as session:
        person = service.with_address(session, email)
        service.reopen(session, person.id, actor_id=None, now=now(), through=THROUGH)
    click.echo(f"The account of {person.email} is open.")


@people.command("reset-link")
@click.argument("email")
def reset_link(email: str) -> None:
    """Print a link with which EMAIL chooses a new password (or a first one). It is not mailed."""
    with changing() as session:
        link = _link(session, service.with_address(session, email).id)
    click.echo(link)


def _link(session: Session, person_id: int) -> str:
    rules = LinkRules.of(Preferences.read(session), portal().secret_key)
    token: Token = service.send_link(
        session, person_id, rules=rules, actor_id=None, now=now(), through=THROUGH, letter=False
    )
    period = format_period(token.expires_at - token.created_at, "en")
    click.echo(f"This link works once, within {period}:", err=True)
    return tokens.address(token, portal().secret_key, portal().base_url)


def _check(email: str, name: str, language: str | None, team: str | None, role: str) -> None:
    if not EmailAddress.fits(email):
        raise click.BadParameter("this is no e-mail address", param_hint="--email")
    if not name.strip():
        raise click.BadParameter("it is empty", param_hint="--name")
    if language is not None and language not in portal().languages:
        known = ", ".join(portal().languages)
        raise click.BadParameter(f"must be one of {known}", param_hint="--language")
    if team is not None and role != "lead":
        raise click.BadParameter("only a lead has a team of her own", param_hint="--team")


def _password_hash(name: str, email: str) -> str:
    password = sys.stdin.readline().rstrip("\r\n")
    with looking() as session:
        company = Preferences.read(session)["company_name"]
    passwords.check(password, about=(name, email, *company.values()))
    return passwords.hashed(password)


def _held(session: Session, role: str | None, team: str | None) -> tuple[Held, ...]:
    if role is None:
        return ()
    if team is None:
        return (Held(role),)
    found = teams.named(session, team)
    if found is None:
        found = teams.create(session, team, actor_id=None, now=now(), through=THROUGH)
        click.echo(f"Made the team {team}.", err=True)
    return (Held(role, team_id=found.id),)
