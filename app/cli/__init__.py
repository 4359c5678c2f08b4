"""Commands: `flask --app wsgi <group> <command>`. Each is thin: it calls a service, commits and prints."""

import click

from app.cli.db import db
from app.cli.kb import kb
from app.cli.mail import mail
from app.cli.worker import worker

# Every group of commands, by domain.
GROUPS: tuple[click.Group, ...] = (db, kb, mail, worker)
