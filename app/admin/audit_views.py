"""The audit log as a page: who changed what and when, in words, filtered by what one is looking for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from flask import Blueprint, render_template, request
from flask_babel import gettext

from app.access import needs
from app.admin import audit_queries
from app.admin.audit_queries import Filter, Named
from app.admin.audit_words import ACTIONS, ADDRESSES, DETAILS, OBJECTS, VALUES
from app.preferences import BY_NAME
from app.web import db, portal

bp = Blueprint("audit", __name__)

Names = Mapping[tuple[str, int], Named]


@dataclass(frozen=True, slots=True)
class Line:
    """One entry as it is read. `address` and `actor_id` are None where there is nothing to go to."""

    at: datetime
    actor: str
    actor_id: int | None
    action: str
    name: str
    address: str | None
    details: list[tuple[str, str]]


@bp.get("/admin/audit")
@needs("audit.read")
def log() -> str:
    wanted, zone = _filter(), ZoneInfo(portal().timezone)
    found = audit_queries.entries(
        db(), wanted, zone, after=request.args.get("after"), before=request.args.get("before")
    )
    names = audit_queries.names(db(), _objects(found.rows))
    return render_template(
        "admin/audit/list.html",
        lines=[_line(row, names) for row in found.rows],
        wanted=wanted,
        person=names[chosen].name if (chosen := ("person", wanted.person_id or 0)) in names else None,
        actions=_sorted(ACTIONS),
        kinds=_sorted({kind: words for kind, words in OBJECTS.items() if kind != "article_text"}),
        staff=audit_queries.staff(db()),
        newer=_address(before=found.before) if found.before else None,
        older=_address(after=found.after) if found.after else None,
    )


@bp.app_template_filter("audit_action")
def action_words(action: str) -> str:
    """What was done, in the page's language."""
    return str(gettext(ACTIONS[action])) if action in ACTIONS else action


def _filter() -> Filter:
    """What the address asks for; what makes no sense counts as not asked."""
    day, person = request.args.get("day", ""), request.args.get("person", "")
    try:
        wanted_day = date.fromisoformat(day) if day else None
    except ValueError:
        wanted_day = None
    return Filter(
        action=request.args.get("action", "") if request.args.get("action") in ACTIONS else "",
        kind=request.args.get("kind", "") if request.args.get("kind") in OBJECTS else "",
        person_id=int(person) if person.isascii() and person.isdigit() and len(person) < 18 else None,
        day=wanted_day,
    )


def _address(**place: str) -> str:
    kept = {
        name: request.args[name] for name in ("action", "kind", "person", "day") if request.args.get(name)
    }
    return f"/admin/audit?{urlencode({**kept, **place})}"


def _objects(rows: list[Any]) -> Iterator[tuple[str, int]]:
    """Everything these entries and the filter name by row number."""
    for row in rows:
        if row.object_id is not None:
            yield row.object_kind, row.object_id
        if isinstance(row.details.get("person_id"), int):
            yield "person", row.details["person_id"]
    wanted = _filter().person_id
    if wanted is not None:
        yield "person", wanted


def _line(row: Any, names: Names) -> Line:
    return Line(
        at=row.at,
        actor=row.actor or _through(row.through),
        actor_id=row.actor_id,
        action=action_words(row.action),
        name=_name(row, names),
        address=_target(row, names),
        details=list(_details(row.details, names)),
    )


def _through(through: str) -> str:
    """Who changes something when it is no person."""
    return str({"command line": gettext("Command line"), "worker": gettext("Worker")}.get(through, through))


def _name(row: Any, names: Names) -> str:
    if row.object_kind == "preference":
        setting = BY_NAME.get(row.details.get("name", ""))
        return str(gettext(setting.label)) if setting else str(row.details.get("name", ""))
    if (row.object_kind, row.object_id) in names:
        return names[row.object_kind, row.object_id].name
    kind = str(gettext(OBJECTS[row.object_kind])) if row.object_kind in OBJECTS else row.object_kind
    named = row.details.get("name") or (f"#{row.object_id}" if row.object_id is not None else "")
    return f"{kind} {named}".strip()


def _target(row: Any, names: Names) -> str | None:
    """The object's page; None where it has none or is gone."""
    pattern = ADDRESSES.get(row.object_kind)
    if pattern is None or ("{id}" in pattern and (row.object_kind, row.object_id) not in names):
        return None
    found = names.get((row.object_kind, row.object_id))
    return pattern.format(
        id=found.page_id if found else None,
        name=row.details.get("name"),
        lang=found.lang if found else row.details.get("lang"),
    )


def _details(details: Mapping[str, Any], names: Names) -> Iterator[tuple[str, str]]:
    for key, label in DETAILS.items():
        if details.get(key) in (None, "", [], {}):
            continue
        value = details[key]
        if key == "person_id":
            value = names[person].name if (person := ("person", value)) in names else f"#{value}"
        yield str(gettext(label)), _readable(value)


def _readable(value: Any) -> str:
    if isinstance(value, bool):
        return str(gettext("yes") if value else gettext("no"))
    if isinstance(value, list):
        return ", ".join(_readable(one) for one in value)
    if isinstance(value, dict):
        return " / ".join(f"{name}: {text}" for name, text in value.items())
    return str(gettext(VALUES[value])) if isinstance(value, str) and value in VALUES else str(value)


def _sorted(words: Mapping[str, str]) -> list[tuple[str, str]]:
    """Codes with their words, in the order of the words."""
    return sorted(
        ((code, str(gettext(text))) for code, text in words.items()), key=lambda pair: pair[1].casefold()
    )
