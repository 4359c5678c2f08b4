"""Commands: `flask --app wsgi <group> <command>`. Each is thin: it calls a service, commits and prints."""

import click

from app.cli.backup import backup
from app.cli.db import db
from app.cli.demo import demo
from app.cli.kb import kb
from app.cli.mail import mail
from app.cli.people import people
from app.cli.privacy import privacy
from app.cli.sla import sla
from app.cli.token import token
from app.cli.worker import worker

# Every group of commands, by domain.
GROUPS: tuple[click.Group, ...] = (backup, db, demo, kb, mail, people, privacy, sla, token, worker)
