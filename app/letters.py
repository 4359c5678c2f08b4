"""Letters: their shipped words, what an admin changed in them, and how both become a message.

A letter is a subject and a body in Markdown with named placeholders like `{link}`. Each domain's `mails.py` ships
its letters as `Letter` values; an admin's version in the database takes precedence. Nothing is sent here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Mapped, Session, mapped_column

from app import audit, markup
from app.db import Base, Localised, primary_key, table_args
from app.errors import Refused
from app.personal import RowFate, T, not_personal
from app.words import N_

PLACEHOLDER = re.compile(r"\{(\w+)\}")


class LetterText(Base):
    """What an admin made of a letter's words, per language; a language that is missing keeps the shipped words."""

    __tablename__ = "letter_text"
    __table_args__ = table_args(privacy=T(None, RowFate.KEEP_ROW, why="words of the operator's letters"))

    id: Mapped[int] = primary_key()
    name: Mapped[str] = mapped_column(unique=True, info=not_personal("which letter"))
    subject: Mapped[dict[str, str]] = mapped_column(Localised, info=not_personal("subject", keys=("*",)))
    body: Mapped[dict[str, str]] = mapped_column(Localised, info=not_personal("text, Markdown", keys=("*",)))
    changed_at: Mapped[datetime] = mapped_column(info=not_personal("when it was changed"))


class Markdown(str):
    """A value that is Markdown itself (an answer of the team) and keeps its marks in the HTML part."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Letter:
    """One kind of letter as shipped. `subject` and `body` are marked for translation; `placeholders` says what each
    placeholder stands for, for the admin who edits the words; those in `required` may not be left out."""

    name: str
    about: str
    subject: str
    body: str
    placeholders: tuple[tuple[str, str], ...] = ()
    required: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Message:
    """A letter ready to be sent: one recipient, both parts, and headers that machines read."""

    to: str
    subject: str
    text: str
    html: str
    lang: str
    headers: Mapping[str, str]


def compose(
    session: Session,
    letter: Letter,
    *,
    to: str,
    lang: str,
    values: Mapping[str, str],
    translate: Callable[[str], str],
    footer: str,
    headers: Mapping[str, str] | None = None,
) -> Message:
    """A message in the recipient's language, from the admin's words or the shipped ones.

    `translate` turns shipped words into `lang`; `values` fills the placeholders (plain text, escaped in the HTML
    part); `footer` says why the letter came.
    """
    subject, body = words(session, letter, lang, translate)
    return written(subject, body, to=to, lang=lang, values=values, footer=footer, headers=headers)


def written(
    subject: str,
    body: str,
    *,
    to: str,
    lang: str,
    values: Mapping[str, str],
    footer: str,
    headers: Mapping[str, str] | None = None,
) -> Message:
    """A message of these words, placeholders filled; also what a preview of unsaved words shows."""
    text = fill(body, values)
    return Message(
        to=to,
        subject=" ".join(fill(subject, values).split()),
        text=f"{text}\n\n-- \n{footer}\n",
        html=markup.letter_html(fill(body, {k: _in_markdown(v) for k, v in values.items()}), footer, lang),
        lang=lang,
        headers=dict(headers or {}),
    )


def _in_markdown(value: str) -> str:
    return str(value) if isinstance(value, Markdown) else markup.escape_markdown(value)


def words(session: Session, letter: Letter, lang: str, translate: Callable[[str], str]) -> tuple[str, str]:
    """Subject and body of a letter as they stand now, placeholders unfilled."""
    own = session.execute(
        select(LetterText.subject, LetterText.body).where(LetterText.name == letter.name)
    ).first()
    subject = (own and own.subject.get(lang)) or translate(letter.subject)
    body = (own and own.body.get(lang)) or translate(letter.body)
    return subject, body


def changed(session: Session) -> dict[str, datetime]:
    """The letters whose words an admin changed, and when."""
    rows = session.execute(
        select(LetterText.name, LetterText.subject, LetterText.body, LetterText.changed_at)
    )
    return {name: moment for name, subject, body, moment in rows if subject or body}


def fill(text: str, values: Mapping[str, str]) -> str:
    """The text with its placeholders filled; an unknown one stays as it was typed."""
    return PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), text)


def change(
    session: Session,
    letter: Letter,
    subject: Mapping[str, str],
    body: Mapping[str, str],
    *,
    actor_id: int | None,
    now: datetime,
) -> None:
    """Store an admin's words for a letter and write the audit entry. An emptied text returns to the shipped words.

    Raises `Refused` for a body without a required placeholder, or with an unknown one.
    """
    known = {name for name, _ in letter.placeholders}
    for text in (*subject.values(), *body.values()):
        for name in PLACEHOLDER.findall(text):
            if name not in known:
                raise Refused(N_("The placeholder {%(name)s} is unknown in this letter."), "body", name=name)
    for text in filter(None, body.values()):
        for name in letter.required:
            if f"{{{name}}}" not in text:
                raise Refused(N_("The letter needs the placeholder {%(name)s}."), "body", name=name)
    row = session.scalar(select(LetterText).where(LetterText.name == letter.name).with_for_update())
    if row is None:
        row = LetterText(name=letter.name, subject={}, body={}, changed_at=now)
        session.add(row)
    row.subject = {lang: text for lang, text in subject.items() if text.strip()}
    row.body = {lang: text for lang, text in body.items() if text.strip()}
    row.changed_at = now
    session.flush()
    audit.record(
        session,
        actor_id=actor_id,
        action="letter.change",
        object_kind="letter_text",
        object_id=row.id,
        at=now,
        name=letter.name,
    )
