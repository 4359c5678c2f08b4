"""Words that mean the same here, and words that say little: kept by the administration, in effect with the next search.

A counter in the database names their state, so every process notices a change with one cheap statement and needs no
new index.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app import audit
from app.articles import editions
from app.articles.memory import Memory
from app.articles.models import StopWords, SynonymGroup
from app.articles.service import Door
from app.db import insert_or_add, locked, sort_key
from app.errors import NotVisible, Refused
from app.paging import Page, page
from app.words import N_
from knowledge_base.analysis import clean, words
from knowledge_base.synonyms import SynonymSet, phrase

MOST_MEMBERS, LONGEST_MEMBER, MOST_STOP_WORDS = 20, 60, 500
COUNTER = "search words"


def kept(session: Session, memory: Memory, number: int | None = None) -> SynonymSet:
    """All kept words, the same object until somebody changes them. One statement, none for who knows their number."""
    memory.synonyms_number = editions.current(session, COUNTER) if number is None else number
    return at(session, memory, memory.synonyms_number)


def at(session: Session, memory: Memory, number: int) -> SynonymSet:
    """The words as this process knows them under a number. No statement where it does."""
    return memory.synonyms.get(number, lambda: _read(session))


def _read(session: Session) -> SynonymSet:
    groups: dict[str, list[list[str]]] = {}
    for lang, members in session.execute(select(SynonymGroup.lang, SynonymGroup.words)):
        groups.setdefault(lang, []).append(members)
    stops = session.execute(select(StopWords.lang, StopWords.words))
    return SynonymSet(groups=groups, stop_words={row.lang: row.words for row in stops})


def listed(
    session: Session, lang: str, *, q: str = "", before: str | None = None, after: str | None = None
) -> Page:
    """Groups of a language in alphabetical order, those with `q` in a word. One statement."""
    found: Any = select(SynonymGroup.id, SynonymGroup.words, SynonymGroup.updated_at).where(
        SynonymGroup.lang == lang
    )
    if q:
        found = found.where(SynonymGroup.sort_key.contains(sort_key(q), autoescape=True))
    return page(session, found, (SynonymGroup.sort_key, SynonymGroup.id), before=before, after=after)


def group(session: Session, group_id: int) -> SynonymGroup:
    """One group. Raises `NotVisible`."""
    row = session.get(SynonymGroup, group_id)
    if row is None:
        raise NotVisible
    return row


def save(
    session: Session, group_id: int | None, lang: str, members: Sequence[str], *, door: Door
) -> SynonymGroup:
    """Keep a group, a new one for `group_id` None. Raises `Refused` for less than two different words."""
    _check(members, lang)
    if group_id is None:
        row = SynonymGroup(lang=lang)
    else:
        found = session.scalar(locked(select(SynonymGroup).where(SynonymGroup.id == group_id)))
        if found is None:
            raise NotVisible
        row = found
    row.words, row.sort_key, row.updated_at = list(members), sort_key(", ".join(members)), door.now
    session.add(row)
    session.flush()
    _note(session, "synonyms.create" if group_id is None else "synonyms.change", row.id, row.lang, door)
    return row


def remove(session: Session, group_id: int, *, door: Door) -> str:
    """Delete a group; gives its language. Raises `NotVisible`."""
    row = session.scalar(locked(select(SynonymGroup).where(SynonymGroup.id == group_id)))
    if row is None:
        raise NotVisible
    session.delete(row)
    session.flush()
    _note(session, "synonyms.delete", group_id, row.lang, door)
    return str(row.lang)


def stop_words(session: Session, lang: str) -> list[str]:
    """The kept stop words of a language, in alphabetical order."""
    return session.scalar(select(StopWords.words).where(StopWords.lang == lang)) or []


def keep_stop_words(session: Session, lang: str, members: Sequence[str], *, door: Door) -> None:
    """Replace the stop words of a language. Raises `Refused` for what is not one word."""
    if len(members) > MOST_STOP_WORDS:
        raise Refused(N_("Use at most %(limit)d words."), "words", limit=MOST_STOP_WORDS)
    for member in members:
        if len(member) > LONGEST_MEMBER or len([w for w in words(clean(member)) if not w.whole]) != 1:
            raise Refused(N_("“%(word)s” is not one word."), "words", word=member[:LONGEST_MEMBER])
    held = {"words": sorted(members, key=sort_key), "updated_at": door.now}
    insert_or_add(session, StopWords, {"lang": lang, **held}, ["lang"], held)
    editions.turn(session, COUNTER)
    audit.record(
        session,
        actor_id=door.actor_id,
        action="stop_words.change",
        object_kind="stop_words",
        object_id=session.scalar(select(StopWords.id).where(StopWords.lang == lang)),
        at=door.now,
        through=door.through,
        lang=lang,
    )


def _check(members: Sequence[str], lang: str) -> None:
    if len(members) > MOST_MEMBERS:
        raise Refused(N_("Use at most %(limit)d words in one group."), "words", limit=MOST_MEMBERS)
    for member in members:
        if len(member) > LONGEST_MEMBER:
            raise Refused(
                N_("“%(word)s” is too long. A synonym has at most %(limit)d characters."),
                "words",
                word=member[:LONGEST_MEMBER],
                limit=LONGEST_MEMBER,
            )
        if not phrase(member, lang):
            raise Refused(N_("“%(word)s” holds no letters or digits."), "words", word=member)
    if len({phrase(member, lang) for member in members}) < 2:
        raise Refused(
            N_("Enter at least two different words. Forms of one word are found without a synonym."), "words"
        )


def _note(session: Session, action: str, number: int, lang: str, door: Door) -> None:
    editions.turn(session, COUNTER)
    audit.record(
        session,
        actor_id=door.actor_id,
        action=action,
        object_kind="synonym_group",
        object_id=number,
        at=door.now,
        through=door.through,
        lang=lang,
    )
