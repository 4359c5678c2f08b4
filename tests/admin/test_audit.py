"""The audit log: every action has words, the list is filtered and paged, names come from today's rows."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from flask import Flask

import app as portal_package
from app import audit
from app.admin.audit_words import ACTIONS, ADDRESSES, DETAILS, OBJECTS
from app.audit import AuditEntry
from app.now import now
from tests import factories

ROOT = Path(portal_package.__file__).parent


# --- words for everything that is recorded anywhere ------------------------------------------------------------


def recorded(tree: ast.Module) -> Iterator[tuple[str, str | None, str | None, set[str]]]:
    """Every `audit.record` of a module: line, action, kind of object, names of details. A function that hands its own
    parameter on as `action` is followed to its callers, and theirs. What cannot be read as a literal is None."""
    for function in _functions(tree):
        for call in (node for node in ast.walk(function) if _is_record(node)):
            given = {word.arg: word.value for word in call.keywords}
            kind, details = _literal(given["object_kind"]), {name for name in given if name} - RECORD
            for line, action, more in _said(tree, function, call, given["action"]):
                yield line, action, kind, details | more


def _said(
    tree: ast.Module, function: ast.FunctionDef, call: ast.Call, action: ast.expr
) -> Iterator[tuple[str, str | None, set[str]]]:
    parameters = [argument.arg for argument in function.args.args]
    if not (isinstance(action, ast.Name) and action.id in parameters):
        for said in _literals(_assigned(function, action)):
            yield str(call.lineno), said, set()
        return
    for caller in _functions(tree):
        for made in ast.walk(caller):
            if isinstance(made, ast.Call) and getattr(made.func, "id", "") == function.name:
                names = {word.arg for word in made.keywords if word.arg} - RECORD
                for line, said, more in _said(tree, caller, made, made.args[parameters.index(action.id)]):
                    yield line, said, names | more


def _assigned(function: ast.FunctionDef, action: ast.expr) -> ast.expr:
    """What a name stands for where the function sets it exactly once."""
    if not isinstance(action, ast.Name):
        return action
    values = [
        node.value
        for node in ast.walk(function)
        if isinstance(node, ast.Assign) and [ast.unparse(one) for one in node.targets] == [action.id]
    ]
    return values[0] if len(values) == 1 else action


def _functions(tree: ast.Module) -> list[ast.FunctionDef]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]


RECORD = {"actor_id", "action", "object_kind", "object_id", "at", "through", "now", "session", "details"}


def _is_record(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "audit.record"


def _literals(node: ast.expr) -> list[str | None]:
    if isinstance(node, ast.IfExp):
        return [*_literals(node.body), *_literals(node.orelse)]
    return [_literal(node)]


def _literal(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def faults_in(source: str) -> list[str]:
    """Actions and kinds of a module that have no words, a line each."""
    found = []
    for line, action, kind, _ in recorded(ast.parse(source)):
        if action not in ACTIONS:
            found.append(f"line {line}: the action {action!r} has no words")
        if kind not in OBJECTS:
            found.append(f"line {line}: the kind {kind!r} has no words")
    return found


def test_every_recorded_action_and_kind_has_words():
    faults = [
        f"{path.relative_to(ROOT)} {fault}"
        for path in sorted(ROOT.rglob("*.py"))
        for fault in faults_in(path.read_text(encoding="utf-8"))
    ]
    assert not faults, "\n".join(faults)


def test_every_word_belongs_to_a_recorded_action():
    said = {
        action for path in ROOT.rglob("*.py") for _, action, _, _ in recorded(ast.parse(path.read_text()))
    }
    assert set(ACTIONS) <= said


@pytest.mark.parametrize(
    "source",
    [
        'def f(): audit.record(s, action="ship.sink", object_kind="person", object_id=1)',
        'def f(): audit.record(s, action="team.edit", object_kind="ship", object_id=1)',
        'def f(): audit.record(s, action="team." + verb, object_kind="team", object_id=1)',
        'def f(what): audit.record(s, action=what, object_kind="team", object_id=1)\ndef g(): f("team.sink")',
        (
            'def f(what): audit.record(s, action=what, object_kind="team", object_id=1)\n'
            'def g(how): f(how)\ndef h(): g("team.sink")'
        ),
        'def f(): audit.record(s, action="team.edit" if x else "team.sink", object_kind="team", object_id=1)',
    ],
)
def test_an_action_without_words_is_found(source):
    assert faults_in(source)


def test_an_action_with_words_is_not():
    source = (
        'def f(what): audit.record(s, action=what, object_kind="team", object_id=1)\ndef g(): f("team.edit")'
    )
    assert not faults_in(source)


def test_addresses_of_objects_are_pages(app: Flask):
    adapter = app.url_map.bind("localhost")
    for kind, pattern in ADDRESSES.items():
        assert kind in OBJECTS
        address = pattern.format(id=1, name="imprint", lang="de")
        adapter.match(address, method="GET")


# --- the page ------------------------------------------------------------------------------------------------------


@pytest.fixture
def record(app: Flask):
    def write(action: str, kind: str, object_id: int | None, *, at: datetime | None = None, **given) -> None:
        with app.extensions["portal"].database.session(write=True) as session:
            audit.record(
                session,
                actor_id=given.pop("actor_id", None),
                action=action,
                object_kind=kind,
                object_id=object_id,
                at=at or now(),
                **given,
            )
            session.commit()

    return write


def lines(page) -> list[str]:
    return [" ".join(" ".join(row.itertext()).split()) for row in page.one("tbody").iter("tr")]


def test_says_who_did_what_to_whom(app, admin, record):
    with app.extensions["portal"].database.session(write=True) as session:
        person = factories.person(session, name="Jörg Größmann")
        organisation = factories.organisation(session, "Stadtwerke Fulda")
        ids = person.id, organisation.id
        session.commit()
    record("person.edit", "person", ids[0], actor_id=admin.person_id, fields=["name", "language"])
    record(
        "membership.set", "organisation", ids[1], actor_id=admin.person_id, person_id=ids[0], role="manager"
    )
    record("database.upgrade", "database", None, through="command line", **{"from": "0001", "to": "0002"})
    page = admin.visit("/admin/audit")
    upgrade, membership, edit = lines(page)
    assert upgrade.startswith("Database brought to a newer version")
    assert "Command line" in upgrade
    assert "Before: 0001 After: 0002" in upgrade.replace("  ", " ")
    assert "Stadtwerke Fulda" in membership
    assert "Role: Manager" in membership
    assert "Person: Jörg Größmann" in membership
    assert "Changed: Name, Language" in edit
    assert f"/admin/people/{ids[0]}" in {a.get("href") for a in page.one("tbody").iter("a")}


def test_setting_is_named_with_both_values(admin):
    admin.send(admin.visit("/admin/settings"), period_reset_minutes="45")
    (line,) = lines(admin.visit("/admin/audit"))
    assert line.startswith("Setting changed Password reset link")
    assert "Before: 30" in line
    assert "After: 45" in line


def test_what_is_gone_keeps_its_number(admin, record):
    record("team.delete", "team", 4711)
    page = admin.visit("/admin/audit")
    assert "Team #4711" in lines(page)[0]
    assert "/admin/teams/4711" not in page.html


def test_unknown_action_of_another_version_is_shown_as_it_is(admin, record):
    record("ship.sink", "ship", 1, name="Titanic")
    assert "ship.sink ship Titanic" in lines(admin.visit("/admin/audit"))[0]


def test_filters(app, admin, sign_in, record):
    zone = ZoneInfo("Europe/Berlin")
    other = sign_in("admin", name="Olga Other")
    record("team.create", "team", 1, actor_id=admin.person_id, at=datetime(2026, 3, 1, 0, 0, tzinfo=zone))
    record("team.edit", "team", 1, actor_id=other.person_id, at=datetime(2026, 3, 1, 23, 59, tzinfo=zone))
    record("article.create", "article_text", 1, at=datetime(2026, 3, 2, 0, 0, tzinfo=zone))
    record("article.settle", "article", 1, at=datetime(2026, 2, 28, 23, 59, tzinfo=zone))

    def found(**wanted: str) -> list[str]:
        page = admin.send(admin.visit("/admin/audit"), "Filter", **wanted)
        return (
            [line.split(" Team #")[0].split(" Article #")[0] for line in lines(page)]
            if page.all("tbody")
            else []
        )

    assert found(action="team.edit") == ["Team changed"]
    assert found(kind="team") == ["Team changed", "Team created"]
    assert found(kind="article") == ["Article created", "Place or readers of an article changed"]
    assert found(person=str(other.person_id)) == ["Team changed"]
    assert found(day="2026-03-01") == ["Team changed", "Team created"]
    assert found(day="2026-03-01", person=str(admin.person_id)) == ["Team created"]
    assert found(day="2026-03-03") == []
    for nonsense in (
        "day=yesterday",
        "person=me",
        "action=x",
        "kind=x",
        "after=%00",
        "before=x",
        "person=" + "9" * 30,
    ):
        admin.visit(f"/admin/audit?{nonsense}", status=404 if "%00" in nonsense else 200)


def test_pages_by_key(app, admin, record):
    start = now() - timedelta(days=1)
    with app.extensions["portal"].database.session(write=True) as session:
        session.add_all(
            AuditEntry(
                at=start + timedelta(seconds=number // 4),
                actor_id=None,
                through="worker",
                action="team.edit",
                object_kind="team",
                object_id=number,
                details={},
            )
            for number in range(60)
        )
        session.commit()
    page, seen = admin.visit("/admin/audit?kind=team"), []
    while True:
        seen += [int(line.split("#")[1].split()[0]) for line in lines(page)]
        if not page.all("a", rel="next"):
            break
        page = admin.follow(page, "Next")
        assert "kind=team" in page.path
    assert seen == list(range(59, -1, -1))
    page = admin.follow(admin.follow(page, "Back"), "Back")
    assert "#59" in lines(page)[0]
    assert not page.all("a", rel="prev")


def test_at_most_eight_statements(admin, record, statements):
    for kind in OBJECTS:
        record("team.edit", kind, 1, actor_id=admin.person_id, person_id=admin.person_id)
    with statements() as sent:
        admin.visit(f"/admin/audit?person={admin.person_id}")
    assert len(sent) <= 8, "\n".join(sent)


def test_empty_log(admin):
    assert "No entries yet" in admin.visit("/admin/audit").text
    assert "No entry fits this filter" in admin.visit("/admin/audit?kind=team").text


def test_who_may_read(sign_in, editor):
    sign_in("privacy_officer").visit("/admin/audit")
    editor.visit("/admin/audit", status=403)


def test_details_have_words():
    details = {
        name
        for path in ROOT.rglob("*.py")
        for _, _, _, names in recorded(ast.parse(path.read_text()))
        for name in names
    }
    assert {name for name in details if not name.endswith("_id")} <= set(DETAILS) | {"name"}
