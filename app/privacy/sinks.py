"""Every store in which something about a person can lie, and how to find and erase it there.

A store that is added brings its sink in the same change; the test that plants a marker through every door fails for
a store that no sink knows.
"""

from __future__ import annotations

import email
import email.policy
import json
import os
from collections.abc import Callable, Collection, Container, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import JSON, Column, ColumnElement, Table, Text, and_, cast, delete, or_, select, update
from sqlalchemy.orm import Session

from app.accounts.models import Person
from app.db import Localised, all_tables
from app.personal import RowFate
from app.privacy.passages import Names, spans_of
from app.privacy.registry import PSEUDONYMS, Held, rows_of, tables
from app.storage import Storage


class _Every:
    """Contains every name."""

    def __contains__(self, name: object) -> bool:
        return True


EVERY_TABLE = _Every()


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom to look for: a known person, or only words (`needles`) that may stand anywhere."""

    needles: tuple[str, ...]
    person_id: int | None = None
    public_id: str = ""
    email: str = ""
    numbers: tuple[int, ...] = ()  # of her requests, as letters name them


@dataclass(frozen=True, slots=True)
class Finding:
    """Something found: in which store, where in it, and whether it belongs to the person or only names her."""

    sink: str
    place: str
    own: bool


class Sink(Protocol):
    """One store. Erasing is safe to repeat; `verify` gives what of the person's own is left."""

    name: str

    def find(self, subject: Subject) -> list[Finding]: ...

    def erase(self, subject: Subject) -> int: ...

    def verify(self, subject: Subject) -> list[Finding]: ...

    def owns(self, path: Path) -> bool:
        """Whether a file in the data directory is this store's."""
        ...


def subject_of(session: Session, person_id: int) -> Subject:
    """The person as sinks look for her."""
    person = session.get_one(Person, person_id)
    return Subject((person.email, person.name), person.id, person.public_id, person.email)


class DatabaseSink:
    """All tables, by their classification. Works in the caller's session; the caller commits."""

    name = "database"

    def __init__(self, session: Session, file: Path | None = None) -> None:
        self.session, self.file = session, file

    def find(self, subject: Subject) -> list[Finding]:
        return [*self._own(subject), *self._named(subject)]

    def _own(self, subject: Subject) -> Iterator[Finding]:
        if subject.person_id is None:
            return
        for held in tables():
            if held.says.subject is not None:
                mine = rows_of(held.table, held.says.subject, subject.person_id)
                for (row,) in self.session.execute(select(held.table.c.id).where(mine)):
                    yield Finding(self.name, f"{held.table.name}/{row}", own=True)

    def _named(self, subject: Subject) -> Iterator[Finding]:
        for table in all_tables():
            texts = [column for column in table.columns if _holds_text(column)]
            for needle in filter(None, subject.needles):
                hit = or_(*(_contains(column, needle) for column in texts)) if texts else None
                if hit is not None:
                    for (row,) in self.session.execute(select(table.c.id).where(hit)):
                        yield Finding(self.name, f"{table.name}/{row}", own=False)

    def erase(self, subject: Subject, *, limit: int | None = None, only: Container[str] = EVERY_TABLE) -> int:
        """Delete the person's rows, empty or replace her columns in rows that stay. Gives the rows touched.

        With a `limit` at most so many; the caller repeats until nothing is left to do. `only` names the tables.
        """
        touched = 0
        for held in reversed(list(tables())):
            todo = self._not_erased(held, subject) if held.table.name in only else None
            if todo is None:
                continue
            left = None if limit is None else limit - touched
            if left is not None and left <= 0:
                break
            which = select(held.table.c.id).where(todo).order_by(held.table.c.id).limit(left)
            ids = list(self.session.scalars(which))
            for start in range(0, len(ids), 500):
                rows = held.table.c.id.in_(ids[start : start + 500])
                if held.says.on_erase is RowFate.DELETE_ROW:
                    self.session.execute(delete(held.table).where(rows))
                else:
                    self.session.execute(update(held.table).where(rows).values(_after_erasing(held, subject)))
            touched += len(ids)
        for table, column, mine in _naming(_ids(subject), only):
            cleared = update(table).where(mine).values({column: None})
            touched += int(getattr(self.session.execute(cleared), "rowcount", 0))
        self.session.flush()
        return touched

    def erase_many(self, person_ids: Collection[int], *, only: Container[str]) -> None:
        """The same for several people at once, for tables that need no pseudonym (those have one row a person)."""
        for held in reversed(list(tables())):
            says = held.says
            if held.table.name not in only or says.subject is None or says.on_erase is RowFate.RESTRICT:
                continue
            mine = rows_of(held.table, says.subject, person_ids)
            if says.on_erase is RowFate.DELETE_ROW:
                self.session.execute(delete(held.table).where(mine))
            elif values := _after_erasing(held, Subject(())):
                self.session.execute(update(held.table).where(mine).values(values))
        for table, column, mine in _naming(person_ids, only):
            self.session.execute(update(table).where(mine).values({column: None}))

    def verify(self, subject: Subject, *, only: Container[str] = EVERY_TABLE) -> list[Finding]:
        """Rows that should have gone, and columns that still say what they said."""
        left: list[Finding] = []
        for held in tables():
            todo = self._not_erased(held, subject) if held.table.name in only else None
            if todo is not None:
                rows = self.session.execute(select(held.table.c.id).where(todo))
                left.extend(Finding(self.name, f"{held.table.name}/{row}", own=True) for (row,) in rows)
        for table, _, mine in _naming(_ids(subject), only):
            rows = self.session.execute(select(table.c.id).where(mine))
            left.extend(Finding(self.name, f"{table.name}/{row}", own=True) for (row,) in rows)
        return left

    @staticmethod
    def _not_erased(held: Held, subject: Subject) -> ColumnElement[bool] | None:
        """The condition for rows of hers on which something is left to do; None where there can be none."""
        if held.says.subject is None or subject.person_id is None or held.says.on_erase is RowFate.RESTRICT:
            return None
        mine = rows_of(held.table, held.says.subject, subject.person_id)
        if held.table.name in ("message", "attachment"):
            mine = and_(mine, _not_by_team(held.table))
        if held.says.on_erase is RowFate.DELETE_ROW:
            return mine
        wrong = [
            held.table.c[name].is_distinct_from(value)
            for name, value in _after_erasing(held, subject).items()
        ]
        return and_(mine, or_(*wrong)) if wrong else None

    def owns(self, path: Path) -> bool:
        return self.file is not None and path in {
            self.file.with_name(self.file.name + end) for end in ("", "-wal", "-shm")
        }


def _not_by_team(table: Table) -> ColumnElement[bool]:
    """What a member of the team answered belongs to the request it stands in; there she becomes a pseudonym."""
    if table.name == "message":
        return table.c.author_kind != "agent"
    message = next(iter(table.c.message_id.foreign_keys)).column.table
    return table.c.message_id.in_(select(message.c.id).where(message.c.author_kind != "agent"))


def _ids(subject: Subject) -> list[int]:
    return [] if subject.person_id is None else [subject.person_id]


def _naming(
    person_ids: Collection[int], only: Container[str]
) -> Iterator[tuple[Table, str, ColumnElement[bool]]]:
    """Columns that name people in rows of others or of nobody and are emptied with them: table, column, which rows."""
    for held in tables() if person_ids else ():
        for column, says in held.columns:
            own = says.subject is not None and says.subject != held.says.subject
            if own and says.on_erase == "clear" and column.nullable and held.table.name in only:
                yield held.table, column.name, column.in_(person_ids)


def _after_erasing(held: Held, subject: Subject) -> dict[str, Any]:
    """What the columns of a kept row hold once the person is erased."""
    values: dict[str, Any] = {}
    for column, says in held.columns:
        if says.on_erase == "clear":
            values[column.name] = None if column.nullable else ""
        elif says.on_erase.startswith("replace:"):
            values[column.name] = PSEUDONYMS[says.on_erase.partition(":")[2]](subject.public_id)
    return values


def _holds_text(column: Column[Any]) -> bool:
    return isinstance(column.type, JSON | Localised) or column.type.python_type is str


def _contains(column: Column[Any], needle: str) -> Any:
    if column.type.python_type is str:
        return column.icontains(needle, autoescape=True)
    # JSON is stored as text on SQLite with \uXXXX escapes; look for both spellings
    escaped = json.dumps(needle)[1:-1]
    text = cast(column, Text)
    return or_(text.icontains(needle, autoescape=True), text.icontains(escaped, autoescape=True))


class CapturedMailSink:
    """Letters kept as files while mail is captured."""

    name = "captured mail"

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def _letters(self) -> Iterator[tuple[Path, str, str]]:
        """Each file with its recipients and all its words."""
        for path in sorted(self.folder.glob("*")):  # also what a broken-off writing left
            try:
                message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            except FileNotFoundError:
                continue
            texts = [
                str(part.get_content()) for part in message.walk() if part.get_content_maintype() == "text"
            ]
            headers = [f"{name}: {value}" for name, value in message.items()]
            yield path, str(message["To"] or ""), "\n".join([*headers, *texts])

    def find(self, subject: Subject) -> list[Finding]:
        needles = [needle.casefold() for needle in subject.needles if needle]
        return [
            Finding(self.name, path.name, own=self._is_to(to, subject))
            for path, to, words in self._letters()
            if self._is_to(to, subject) or any(needle in words.casefold() for needle in needles)
        ]

    @staticmethod
    def _is_to(recipients: str, subject: Subject) -> bool:
        return bool(subject.email) and subject.email.casefold() in recipients.casefold()

    def _is_about(self, to: str, words: str, subject: Subject) -> bool:
        """Whether a letter went to her, names her, or is about a request of hers."""
        return (
            self._is_to(to, subject)
            or bool(Names.of((needle, needle) for needle in subject.needles).spans(words))
            or any(f"[#{number}]" in words for number in subject.numbers)
        )

    def erase(self, subject: Subject) -> int:
        mine = [path for path, to, words in self._letters() if self._is_about(to, words, subject)]
        for path in mine:
            path.unlink(missing_ok=True)
        return len(mine)

    def erase_with(self, passage: str) -> int:
        """Remove the letters that hold a passage. Gives how many."""
        holding = [path for path, _, words in self._letters() if spans_of(passage, words)]
        for path in holding:
            path.unlink(missing_ok=True)
        return len(holding)

    def verify(self, subject: Subject) -> list[Finding]:
        return [finding for finding in self.find(subject) if finding.own]

    def owns(self, path: Path) -> bool:
        return path.parent == self.folder


class FileSink:
    """Uploaded files. Images of articles are the operator's; what they say is looked through for names."""

    name = "files"

    def __init__(self, storage: Storage) -> None:
        self.storage = storage

    def find(self, subject: Subject) -> list[Finding]:
        needles = [needle.encode() for needle in subject.needles if needle]
        return [
            Finding(self.name, key, own=False) for key in self.storage.all_keys() if self._holds(key, needles)
        ]

    def _holds(self, key: str, needles: Sequence[bytes]) -> bool:
        try:
            with self.storage.open(key) as file:
                content = file.read()
        except FileNotFoundError:
            return False
        return any(needle in content for needle in needles)

    def erase(self, subject: Subject) -> int:
        return 0

    def verify(self, subject: Subject) -> list[Finding]:
        return []

    def owns(self, path: Path) -> bool:
        return self.storage.folder in path.parents


class SearchSink:
    """The search index: a copy of published articles. It is made again from the database, never edited by itself."""

    name = "search index"

    def __init__(self, folder: Path, find_text: Callable[[str], list[int]]) -> None:
        self.folder, self.find_text = folder, find_text

    def find(self, subject: Subject) -> list[Finding]:
        keys = {key for needle in subject.needles if needle for key in self.find_text(needle)}
        return [Finding(self.name, f"article_text/{key}", own=False) for key in sorted(keys)]

    def erase(self, subject: Subject) -> int:
        return 0

    def verify(self, subject: Subject) -> list[Finding]:
        return []

    def owns(self, path: Path) -> bool:
        return self.folder == path.parent or self.folder in path.parents


class DemoAccountsSink:
    """The list of demo accounts with their passwords, next to the database."""

    name = "demo accounts"

    def __init__(self, file: Path) -> None:
        self.file = file

    def _accounts(self) -> list[dict[str, str]]:
        return json.loads(self.file.read_text()) if self.file.exists() else []

    def find(self, subject: Subject) -> list[Finding]:
        wanted = [needle.casefold() for needle in subject.needles if needle]
        return [
            Finding(self.name, self.file.name, own=account["email"] == subject.email)
            for account in self._accounts()
            if any(needle in f"{account['email']} {account['name']}".casefold() for needle in wanted)
        ]

    def erase(self, subject: Subject) -> int:
        accounts = self._accounts()
        kept = [account for account in accounts if account["email"] != subject.email]
        if len(kept) < len(accounts):
            partial = self.file.with_suffix(".part")
            descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w") as file:
                json.dump(kept, file, ensure_ascii=False, indent=1)
            partial.replace(self.file)
        return len(accounts) - len(kept)

    def verify(self, subject: Subject) -> list[Finding]:
        return [finding for finding in self.find(subject) if finding.own]

    def owns(self, path: Path) -> bool:
        return path == self.file


class UpgradeCopySink:
    """Copies of the database that an upgrade keeps for going back soon. Erasing anybody ends them: nothing inside a
    copy can be changed, and an older state would bring her back."""

    name = "upgrade copies"

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def _copies(self) -> list[Path]:
        return sorted(self.folder.glob("portal-*.db"))

    def find(self, subject: Subject) -> list[Finding]:
        needles = [needle.encode() for needle in subject.needles if needle]
        return [
            Finding(self.name, path.name, own=subject.person_id is not None)
            for path in self._copies()
            if _any_in(path, needles)
        ]

    def erase(self, subject: Subject) -> int:
        copies = self._copies()
        for path in copies:
            path.unlink(missing_ok=True)
        return len(copies)

    def verify(self, subject: Subject) -> list[Finding]:
        return self.find(subject)

    def owns(self, path: Path) -> bool:
        return path.parent == self.folder and path.suffix == ".db"


def _any_in(path: Path, needles: Sequence[bytes]) -> bool:
    """Whether a file holds one of these words, read in blocks that overlap by the longest."""
    longest = max(map(len, needles), default=0)
    kept = b""
    try:
        with open(path, "rb") as file:
            while block := file.read(1024 * 1024):
                kept += block
                if any(needle in kept for needle in needles):
                    return True
                kept = kept[-longest:] if longest else b""
    except FileNotFoundError:
        return False
    return False
