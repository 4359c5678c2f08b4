"""What all commands have in common: a fault becomes one sentence and a status that is not 0, a change is committed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
from flask.cli import AppGroup
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from app.errors import NotVisible, OperatorFault, Refused
from app.web import portal


class Command(click.Command):
    """A command whose expected faults are told in one sentence."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (Refused, OperatorFault) as fault:
            raise click.ClickException(str(fault)) from None
        except NotVisible:
            raise click.ClickException("There is nothing by this name.") from None
        except DBAPIError as fault:
            raise click.ClickException(database_fault(fault)) from None


class CommandGroup(AppGroup):
    """A group of such commands; each runs with the portal at hand (`app.web.portal()`)."""

    command_class = Command


def database_fault(fault: DBAPIError) -> str:
    """One sentence on a database that refused, in the driver's words; without the values of the statement."""
    words = (str(fault.orig).strip() or type(fault).__name__).splitlines()[0]
    hint = "" if "no such table" not in words and "does not exist" not in words else UPGRADE
    return f"The database refused: {words}.{hint}"


UPGRADE = " Run: flask --app wsgi db upgrade"


@contextmanager
def changing() -> Iterator[Session]:
    """A write session that commits at the end, or leaves everything as it was."""
    with portal().database.session(write=True) as session:
        yield session
        session.commit()


@contextmanager
def looking() -> Iterator[Session]:
    """A read session."""
    with portal().database.session(write=False) as session:
        yield session
