"""Copies of people's data for tests: built as the worker does it, opened, and held against their schema."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select

from app.admin.audit_words import ACTIONS
from app.now import now
from app.privacy import archive, copies
from app.privacy.export_document import schema
from app.privacy.export_models import READY, DataExport

SCHEMA = Path(__file__).parents[2] / "docs" / "export-schema.json"


@dataclass(frozen=True)
class Copy:
    """An opened archive."""

    document: dict[str, Any]
    page: str
    files: dict[str, bytes]
    held_back: int = 0

    @property
    def text(self) -> str:
        """Every word in it."""
        return "\n".join(
            [
                json.dumps(self.document, ensure_ascii=False),
                self.page,
                *(f"{name} {content.decode(errors='replace')}" for name, content in self.files.items()),
            ]
        )


def opened(content: bytes, held_back: int = 0) -> Copy:
    """A whole archive; every entry's check sum is right."""
    with zipfile.ZipFile(io.BytesIO(content)) as found:
        assert found.testzip() is None
        names = found.namelist()
        assert len(names) == len(set(names))
        entries = {name: found.read(name) for name in names}
    document, page = entries.pop("data.json"), entries.pop("index.html")
    assert json.loads(entries.pop("schema.json")) == schema()
    return Copy(json.loads(document), page.decode(), entries, held_back)


def written(portal: Any, person_id: int, folder: Path, lang: str = "en") -> Copy:
    """A copy made on the spot."""
    target = folder / "copy.zip"
    held_back = archive.write(target, portal, person_id, lang, actions=ACTIONS, now=now())
    return opened(target.read_bytes(), held_back)


def ready(portal: Any, person_id: int) -> Copy:
    """The copy that the worker made."""
    with portal.database.session(write=False) as session:
        row = session.scalars(
            select(DataExport).where(DataExport.person_id == person_id, DataExport.state == READY)
        ).one()
    return opened(copies.path_of(portal, row.file_key).read_bytes(), row.held_back)


TYPES: dict[str, Any] = {
    "string": str,
    "integer": int,
    "boolean": bool,
    "object": dict,
    "array": list,
    "null": type(None),
}


def faults(value: Any, rule: dict[str, Any], whole: dict[str, Any], place: str = "$") -> Iterator[str]:
    """Where a document breaks its JSON schema, as far as ours uses that language."""
    if "$ref" in rule:
        yield from faults(value, whole["$defs"][rule["$ref"].rpartition("/")[2]], whole, place)
        return
    if "const" in rule and value != rule["const"]:
        yield f"{place}: not {rule['const']}"
    if "enum" in rule and value not in rule["enum"]:
        yield f"{place}: none of {rule['enum']}"
    wanted = rule.get("type")
    kinds = [wanted] if isinstance(wanted, str) else wanted or []
    fits = [isinstance(value, TYPES[kind]) and (kind != "integer" or type(value) is int) for kind in kinds]
    if kinds and not any(fits):
        yield f"{place}: {type(value).__name__} is not {kinds}"
    elif isinstance(value, dict):
        known, more = rule.get("properties", {}), rule.get("additionalProperties", True)
        yield from (f"{place}: {name} is missing" for name in rule.get("required", ()) if name not in value)
        for name, held in value.items():
            if name not in known and more is False:
                yield f"{place}: {name} is unknown"
            elif name in known or isinstance(more, dict):
                yield from faults(held, known.get(name, more), whole, f"{place}.{name}")
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from faults(item, rule.get("items", {}), whole, f"{place}[{number}]")
