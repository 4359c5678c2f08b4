"""The shape of `data.json` in a copy: what stands where, and its JSON schema, both from the classification.

The schema is published as `docs/export-schema.json`; a test compares it. A change of shape counts `VERSION` up.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, Boolean, Column
from sqlalchemy.types import TypeDecorator

from app.db import Instant, Localised
from app.personal import P
from app.privacy import taking
from app.privacy.registry import named_parent
from app.privacy.taking import PORTABLE, Sort, Taker

FORMAT, VERSION = "auskunft-copy", 1
SCHEMA = "https://json-schema.org/draft/2020-12/schema"


@dataclass(frozen=True, slots=True)
class Head:
    """What stands above the data: who made the copy, when, in which language, and what the law wants told besides."""

    company: str
    address: str
    made_at: datetime
    lang: str
    told: list[dict[str, str]]


def document(taker: Taker, head: Head) -> dict[str, Any]:
    """The whole document; lists that may be long are streams, to be read once, in order."""
    say = taker.masks.say
    return {
        "format": FORMAT,
        "version": VERSION,
        "made_at": head.made_at,
        "language": head.lang,
        "portal": {"name": head.company, "address": head.address},
        "information": head.told,
        "fields": {
            sort.table.name: {
                "title": say(sort.title),
                "columns": {column.name: _field(says, say) for column, says in sort.columns},
                "kept_but_not_handed_out": [_field(says, say) for says in sort.hidden],
            }
            for sort in taking.sorts()
        },
        "data": {sort.table.name: taking.rows(taker, sort) for sort in taking.other_sorts()},
        "conversations": map(_conversation, taking.conversations(taker)),
        "internal_notes": map(_note, taking.notes(taker)),
        "journal": taking.journal(taker),
    }


def _field(says: P, say: Any) -> dict[str, Any]:
    assert says.purpose is not None
    return {
        "label": say(says.label),
        "purpose": say(says.purpose.words),
        "legal_basis": f"Art. {says.purpose.basis.value} GDPR",
        "source": say(says.source.value),
        "kept": [say(term.words) for term in says.retain],
        "portable": says.export in PORTABLE,
    }


def _conversation(one: taking.Conversation) -> dict[str, Any]:
    return {
        "number": one.number,
        "own": one.own,
        **one.fields,
        "messages": map(_message, one.messages),
    }


def _message(one: taking.Said) -> dict[str, Any]:
    files = [{"path": file.path, "missing": file.path is None, **file.fields} for file in one.files]
    return {"own": one.own, "author": one.author, **one.fields, "files": iter(files)}


def _note(one: taking.Note) -> dict[str, Any]:
    return {
        "request": one.request,
        "written_at": one.written_at,
        "author": one.author,
        "state": one.state,
        "text": one.text,
        "why": one.why,
        "files": one.files,
    }


# --- writing ---------------------------------------------------------------------------------------------------------


def pieces(value: Any) -> Iterator[str]:
    """JSON text of a value, piece by piece; an iterator becomes a list, its items on lines of their own."""
    if isinstance(value, dict):
        yield "{"
        for number, (name, held) in enumerate(value.items()):
            yield f"{',' if number else ''}{json.dumps(name)}:"
            yield from pieces(held)
        yield "}"
    elif isinstance(value, Iterator):
        yield "["
        for number, item in enumerate(value):
            yield ",\n" if number else "\n"
            yield from pieces(item)
        yield "]"
    else:
        yield json.dumps(value, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime | date) else str(value)


# --- schema ----------------------------------------------------------------------------------------------------------

TEXT: dict[str, Any] = {"type": "string"}
NUMBER: dict[str, Any] = {"type": "integer"}
TRUTH: dict[str, Any] = {"type": "boolean"}
MOMENT: dict[str, Any] = {"type": "string", "format": "date-time"}
DAY: dict[str, Any] = {"type": "string", "format": "date"}
TEXTS: dict[str, Any] = {"type": "object", "additionalProperties": True}


def schema() -> dict[str, Any]:
    """The JSON schema of the document (draft 2020-12)."""
    sorts = {sort.table.name: sort for sort in taking.sorts()}
    others = [sort.table.name for sort in taking.other_sorts()]
    field = {"$ref": "#/$defs/field"}
    parts: dict[str, Any] = {
        "field": _object(
            {
                "label": TEXT,
                "purpose": TEXT,
                "legal_basis": TEXT,
                "source": TEXT,
                "kept": _list(TEXT),
                "portable": TRUTH,
            }
        ),
        "table": _object({"title": TEXT, "columns": _map(field), "kept_but_not_handed_out": _list(field)}),
        "conversation": _object(
            {
                "number": NUMBER,
                "own": TRUTH,
                **_columns(sorts["ticket"]),
                "messages": _list({"$ref": "#/$defs/message"}),
            },
            optional=tuple(_columns(sorts["ticket"])),
        ),
        "message": _object(
            {
                "own": TRUTH,
                "author": TEXT,
                **_columns(sorts["message"]),
                "files": _list({"$ref": "#/$defs/file"}),
            }
        ),
        "file": _object({"path": _or_null(TEXT), "missing": TRUTH, **_columns(sorts["attachment"])}),
        "note": _object(
            {
                "request": _or_null(NUMBER),
                "written_at": MOMENT,
                "author": TEXT,
                "state": {"enum": ["held_back", "released", "withheld"]},
                "text": TEXT,
                "why": TEXT,
                "files": NUMBER,
            }
        ),
    }
    top = _object(
        {
            "format": {"const": FORMAT},
            "version": {"const": VERSION},
            "made_at": MOMENT,
            "language": TEXT,
            "portal": _object({"name": TEXT, "address": TEXT}),
            "information": _list(_object({"title": TEXT, "text": TEXT})),
            "fields": _map({"$ref": "#/$defs/table"}),
            "data": _object({name: _list(_row(sorts[name])) for name in sorted(others)}),
            "conversations": _list({"$ref": "#/$defs/conversation"}),
            "internal_notes": _list({"$ref": "#/$defs/note"}),
            "journal": _list(_object({"at": MOMENT, "action": TEXT, "by": TEXT})),
        }
    )
    return {
        "$schema": SCHEMA,
        "title": "Copy of a person's data (GDPR Art. 15, 20)",
        "description": "data.json in the archive. Made from the classification of the columns; do not edit.",
        **top,
        "$defs": parts,
    }


def _row(sort: Sort) -> dict[str, Any]:
    found = _columns(sort)
    if sort.table.name == "staff_access":
        found |= {"at": DAY, "role": TEXT}
    if sort.of_a_request:
        found["request"] = _or_null(NUMBER)
    if sort.by_title:
        found = {sort.columns[0][0].name: TEXT}
    return _object(found)


def _columns(sort: Sort) -> dict[str, Any]:
    return {column.name: _value(column) for column, _ in sort.columns}


def _value(column: Column[Any]) -> dict[str, Any]:
    kind: Any = column.type
    if named_parent(column) is not None:
        found = {"type": ["string", "object", "null"]}
        return {**found, "description": "the name of what it refers to"}
    if isinstance(kind, Instant):
        found = MOMENT
    elif isinstance(kind, JSON | Localised) or (
        isinstance(kind, TypeDecorator) and isinstance(kind.impl, JSON)
    ):
        found = TEXTS
    elif isinstance(kind, Boolean):
        found = TRUTH
    elif kind.python_type is date:
        found = DAY
    else:
        found = NUMBER if kind.python_type is int else TEXT
    return _or_null(found) if column.nullable else found


def _or_null(found: dict[str, Any]) -> dict[str, Any]:
    return {**found, "type": [found["type"], "null"]}


def _list(item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": item}


def _map(item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": item}


def _object(found: dict[str, Any], optional: tuple[str, ...] = ()) -> dict[str, Any]:
    wanted = [name for name in found if name not in optional]
    return {"type": "object", "properties": found, "required": wanted, "additionalProperties": False}
