"""Imports go down or stay in the package; Flask, SQLAlchemy, Whoosh and the clock appear only where they may."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

SLA_PURE = (
    "calendar",
    "clock",
    "explain",
    "history",
    "hours",
    "judge",
    "outcome",
    "policy",
    "public_holidays",
    "replay",
    "rules",
    "zones",
)

# The longest name that fits a module counts. A number is a floor; imports go to the same package or below.
FLOORS = {
    "wsgi": 6,
    "app.factory": 6,
    "app.cli": 6,
    "app.worker": 6,
    "app.serve": 6,
    "app.page": 6,
    "app.demo": 6,
    "app.demo_articles": 6,
    "app.demo_tickets": 6,
    "app.health_views": 6,
    "app.admin": 6,
    "app.api": 6,
    "app.tables": 6,
    **dict.fromkeys(
        (f"app.{name}" for name in ["privacy", "reports", "automation", "mailbox", "deflection"]), 5
    ),
    "app.tickets": 4,
    "app.articles": 4,
    "app.notifications": 3,
    "app.announcements": 3,
    "app.legal": 3,
    "app.accounts": 2,
    "app.sla": 2,
    "app": 1,  # the house: every module directly in app/ that is not named here
    "app.markup": 0,
    "app.words": 0,
    **dict.fromkeys((f"app.sla.{name}" for name in SLA_PURE), 0),
    "app.tickets.status": 0,
    "knowledge_base": 0,
    "config": 0,
}
FLASK_HOUSE = {"app.web", "app.access", "app.mail", "app.i18n", "app.forms", "app.page", "app.lanes"}
FLASK_FILES = ("views", "forms", "mails")
FLASK = ("flask", "flask_babel", "flask_login", "flask_mail", "flask_wtf", "wtforms", "werkzeug", "gunicorn")
CLOCK = {"now", "utcnow", "today", "time"}


@cache
def modules() -> dict[str, ast.Module]:
    """Every module of the product by its dotted name."""
    paths = [
        ROOT / "wsgi.py",
        ROOT / "config.py",
        *ROOT.glob("app/**/*.py"),
        *ROOT.glob("knowledge_base/**/*.py"),
    ]
    names = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in paths
    ]
    return {name: ast.parse(path.read_text()) for name, path in zip(names, paths, strict=True)}


def imports(tree: ast.AST, known: set[str]) -> Iterator[str]:
    """Dotted names of what a module imports, also inside functions; modules rather than the names in them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module, "a relative import"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if full in known else node.module


def room(name: str) -> str:
    """The entry of `FLOORS` that a module falls under."""
    parts = name.split(".")
    return next(r for n in range(len(parts), 0, -1) if (r := ".".join(parts[:n])) in FLOORS)


def package(name: str) -> str:
    return ".".join(name.split(".")[:2])


def faults(name: str, tree: ast.Module) -> Iterator[str]:
    """What breaks the rules in one module, a line each."""
    floor = FLOORS[room(name)]
    for target in set(imports(tree, {*modules(), *FLOORS})):
        top = target.split(".")[0]
        if top in ("app", "knowledge_base", "config", "wsgi") and target != "app":
            below = FLOORS[room(target)]
            beside = below == floor and (floor in (0, 1, 6) or package(name) == package(target))
            within = package(name) == package(target) and floor > 0
            if not (below < floor or beside or within):
                yield f"{name} (floor {floor}) imports {target} (floor {below})"
        elif (
            (top in FLASK and not _may_flask(name))
            or (top == "whoosh" and not name.startswith("knowledge_base"))
            or (top in ("sqlalchemy", "alembic", "psycopg") and floor == 0)
        ):
            yield f"{name} imports {target}"
    if name != "app.now":
        yield from (f"{name}:{line} asks for the time" for line in _clock(tree))


def _may_flask(name: str) -> bool:
    return FLOORS[room(name)] == 6 or name in FLASK_HOUSE or name.rsplit(".", 1)[-1].endswith(FLASK_FILES)


def _clock(tree: ast.AST) -> Iterator[int]:
    """Lines that ask `datetime` or `date` for the present (a monotonic clock measures lengths and is fine)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CLOCK:
            owner = node.func.value
            called = owner.id if isinstance(owner, ast.Name) else getattr(owner, "attr", "")
            if called in ("datetime", "date", "dt"):
                yield node.lineno


def test_the_floors_hold() -> None:
    assert sorted(fault for name, tree in modules().items() for fault in faults(name, tree)) == []


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("app.tickets.service", "from app.articles import queries"),
        ("app.articles.service", "import app.tickets.models"),
        ("app.accounts.service", "from app.tickets.service import open_ticket"),
        ("app.db", "from app.accounts.models import Person"),
        ("app.outbox", "def late():\n    from app import worker"),
        ("app.accounts.service", "from app.sla import models"),
        ("app.privacy.planner", "from app import factory"),
        ("app.markup", "from app.db import Base"),
        ("app.sla.calendar", "from app.sla import models"),
        ("app.sla.replay", "import sqlalchemy"),
        ("app.tickets.service", "from flask import request"),
        ("app.articles.queries", "from whoosh import index"),
        ("knowledge_base.search", "from app.db import Base"),
        ("config", "import flask"),
        ("app.tickets.service", "from datetime import datetime\nx = datetime.now()"),
    ],
)
def test_a_broken_rule_is_found(name: str, line: str) -> None:
    assert list(faults(name, ast.parse(line)))
    assert not list(faults(name, ast.parse("import json")))


def test_every_module_says_what_it_knows() -> None:
    silent = [name for name, tree in modules().items() if tree.body and not ast.get_docstring(tree)]
    assert silent == []


def test_no_drawers_for_odds_and_ends() -> None:
    names = {part for name in modules() for part in name.split(".")}
    assert not names & {"utils", "util", "helpers", "helper", "common", "base", "extensions", "misc"}
