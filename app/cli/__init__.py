"""Commands: `flask --app wsgi <group> <command>`. Each is thin: it calls a service, commits and prints."""

from __future__ import annotations

from importlib import import_module

import click
from flask.cli import AppGroup

# Every group of commands, by domain: the module of that name holds it.
NAMES = ("backup", "db", "demo", "kb", "mail", "people", "privacy", "sla", "token", "worker")


class Commands(AppGroup):
    """All groups, each loaded when it is asked for: a server needs none of them, and together they know everything (the
    migration engine, the demo), which costs a server a tenth of its memory."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(NAMES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return group(cmd_name) if cmd_name in NAMES else None


def group(name: str) -> click.Group:
    """The commands of one domain."""
    found: click.Group = getattr(import_module(f"app.cli.{name}"), name)
    return found
