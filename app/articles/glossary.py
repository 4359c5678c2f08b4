"""The words of the trade: terms with their definitions, looked up by readers and kept by editors."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app import audit, markup
from app.articles import editions, slugs
from app.articles.memory import Memory
from app.articles.models import GlossaryTerm
from app.articles.rendering import link
from app.articles.service import Door
from app.db import locked, sort_key
from app.errors import Conflict, NotVisible, Refused
from app.words import N_
from knowledge_base.analysis import clean, fold, normal, stem, stop_words, words

LONGEST_TERM, LONGEST_DEFINITION = 120, 5_000


@dataclass(frozen=True, slots=True)
class TermText:
    """What an editor writes of a term."""

    term: str
    definition: str
    also: tuple[str, ...] = ()
    related: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """Recognises the same text, e.g. a shipped one that nobody has edited."""
        held = json.dumps([self.term, self.definition, self.also, self.related], ensure_ascii=False)
        return hashlib.blake2b(held.encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class Term:
    """A term as readers see it. `related` holds (slug, term) of those that exist."""

    slug: str
    term: str
    html: str
    also: tuple[str, ...]
    related: tuple[tuple[str, str], ...]
    letter: str


class Glossary:
    """All terms of one language, by letter and by name."""

    def __init__(self, terms: list[Term], lang: str) -> None:
        self.terms = terms
        self.lang = lang
        self.letters: dict[str, list[Term]] = {}
        self._by_name: dict[tuple[str, ...], Term] = {}
        for term in terms:
            self.letters.setdefault(term.letter, []).append(term)
        for name_of in (lambda term: (term.term,), lambda term: term.also):
            for term in terms:
                for name in name_of(term):
                    if key := _key(name, lang):
                        self._by_name.setdefault(key, term)

    def find(self, text: str) -> Term | None:
        """The term that somebody asks for, by whatever name and form ("Was ist ein SLA?")."""
        key = _key(text, self.lang)
        return self._by_name.get(key) if key else None

    def matching(self, text: str) -> list[Term]:
        """Terms with this text in a name or in the definition."""
        wanted = text.casefold()
        return [
            term
            for term in self.terms
            if wanted in term.html.casefold() or any(wanted in n.casefold() for n in (term.term, *term.also))
        ]


def kept_glossary(session: Session, memory: Memory, edition: int, lang: str) -> Glossary:
    """The glossary as of an edition, read once a process."""
    return memory.glossaries.get((edition, lang), lambda: read(session, lang))


def read(session: Session, lang: str) -> Glossary:
    """All terms of a language. One statement."""
    rows = session.execute(
        select(
            GlossaryTerm.slug,
            GlossaryTerm.term,
            GlossaryTerm.sort_key,
            GlossaryTerm.definition,
            GlossaryTerm.also,
            GlossaryTerm.related,
        )
        .where(GlossaryTerm.lang == lang)
        .order_by(GlossaryTerm.sort_key, GlossaryTerm.id)
    ).all()
    names = {row.slug: row.term for row in rows}
    terms = [
        Term(
            row.slug,
            row.term,
            markup.render(row.definition, resolve=lambda address: link(address, lang)).html,
            tuple(row.also),
            tuple((slug, names[slug]) for slug in row.related if slug in names),
            _letter(row.sort_key),
        )
        for row in rows
    ]
    return Glossary(terms, lang)


def save(
    session: Session, term_id: int | None, lang: str, text: TermText, *, slug: str = "", door: Door
) -> GlossaryTerm:
    """Keep a term, a new one for `term_id` None. Raises `Refused`, `Conflict` (it exists) or `NotVisible`."""
    for field, given, limit in (
        ("term", text.term, LONGEST_TERM),
        ("definition", text.definition, LONGEST_DEFINITION),
    ):
        if not given.strip():
            raise Refused(N_("Enter the term and what it means."), field)
        if len(given) > limit:
            raise Refused(
                N_("This text has %(length)d characters. The limit is %(limit)d."),
                field,
                length=len(given),
                limit=limit,
            )
    if term_id is None:
        row = GlossaryTerm(lang=lang, slug=slugs.checked(slug) if slug else slugs.slug_of(text.term))
    else:
        found = session.scalar(locked(select(GlossaryTerm).where(GlossaryTerm.id == term_id)))
        if found is None:
            raise NotVisible
        row = found
    row.term, row.sort_key, row.definition = text.term, sort_key(text.term), text.definition
    row.also, row.related, row.updated_at = list(text.also), list(text.related), door.now
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:
        raise Conflict(N_("The glossary has this term already."), "term") from None
    _note(session, "glossary.create" if term_id is None else "glossary.change", row.id, door)
    return row


def remove(session: Session, term_id: int, *, door: Door) -> None:
    """Delete a term. Raises `NotVisible`."""
    row = session.scalar(locked(select(GlossaryTerm).where(GlossaryTerm.id == term_id)))
    if row is None:
        raise NotVisible
    session.delete(row)
    session.flush()
    _note(session, "glossary.delete", term_id, door)


def text_of(row: GlossaryTerm) -> TermText:
    """What a stored term says, to compare and to edit."""
    return TermText(row.term, row.definition, tuple(row.also), tuple(row.related))


def _key(text: str, lang: str) -> tuple[str, ...]:
    forms = [fold(word.text, lang) for word in words(clean(text[:300])) if not word.whole]
    telling: Iterable[str] = [form for form in forms if form not in stop_words(lang)] or forms
    return tuple(stem(form, lang) for form in telling)


def _letter(key: str) -> str:
    first = normal(key[:1]).upper()
    return first if "A" <= first <= "Z" else "#"


def _note(session: Session, action: str, term_id: int, door: Door) -> None:
    if not door.bulk:
        editions.turn(session)
    audit.record(
        session,
        actor_id=door.actor_id,
        action=action,
        object_kind="glossary_term",
        object_id=term_id,
        at=door.now,
        through=door.through,
    )
