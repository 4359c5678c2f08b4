"""Other people in a copy of one person's data: a role and a number instead of name and address (GDPR Art. 15(4)).

Knows names and addresses of everybody here by check values only, so that memory stays small however many people there
are. A person keeps her number throughout one copy; it says nothing outside of it.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from hashlib import blake2b

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import STAFF, Person
from app.privacy.passages import (
    ADDRESS,
    LEAST_WORDS_OF_NAME,
    NAME_ENDS,
    NAME_GAP,
    QUOTE,
    WORD,
    Span,
    bare_addresses,
    normalised,
)
from app.words import N_

COLLEAGUE = N_("Agent %(num)s")  # somebody of the team
OTHER = N_("Other person %(num)s")
MACHINE = N_("Automatic message")
QUOTED = N_("[Quote of another person, left out]")

LONGEST_NAME = 6  # words
GAP, ENDS = re.compile(NAME_GAP), re.compile(NAME_ENDS)
JOINED = ("-", "–", "'", "’")  # before a word: it goes on with another one
ID_BITS = 48


def _key(words: str) -> int:
    return int.from_bytes(blake2b(words.encode(), digest_size=8).digest(), "big") << ID_BITS


@dataclass(frozen=True)
class Directory:
    """Who is meant by an address or a full name: check values with row numbers, in order, and the first words of all
    names, so that hardly any word of a text has to be looked up."""

    entries: tuple[int, ...]
    first_words: frozenset[str]
    longest: int

    @classmethod
    def read(cls, session: Session, *, without: int) -> Directory:
        """Everybody but one person (and whoever has the same name)."""
        own = session.get_one(Person, without)
        hers = {own.email.casefold(), _folded(own.name)}
        entries, first, longest = [], set(), LEAST_WORDS_OF_NAME
        people = select(Person.id, Person.name, Person.email).where(Person.id != without)
        for row in session.execute(people.execution_options(yield_per=1000)):
            words = [word.casefold() for word in WORD.findall(row.name)][:LONGEST_NAME]
            name = " ".join(words)
            if len(words) >= LEAST_WORDS_OF_NAME and name not in hers:
                entries.append(_key(name) | row.id)
                first.add(words[0])
                longest = max(longest, len(words))
            if row.email.casefold() not in hers:
                entries.append(_key(row.email.casefold()) | row.id)
        return cls(tuple(sorted(entries)), frozenset(first), longest)

    def who(self, folded: str) -> int | None:
        """The row number of whom an address or a name in lower case means."""
        key = _key(folded)
        place = bisect_left(self.entries, key)
        if place < len(self.entries) and self.entries[place] >> ID_BITS << ID_BITS == key:
            return self.entries[place] - key
        return None

    def found(self, text: str) -> list[tuple[Span, int]]:
        """Where a text names somebody, and whom; in order, without overlaps."""
        found = [hit for match in ADDRESS.finditer(text) if (hit := self._address(match))]
        words = list(WORD.finditer(text)) if self.first_words else []
        for number, word in enumerate(words):
            begins = word.group().casefold() in self.first_words
            if begins and text[max(0, word.start() - 1) : word.start()] not in JOINED:
                hit = self._name(text, words[number : number + self.longest])
                found += [hit] if hit else []
        clear, end = [], 0
        for (start, stop), person_id in sorted(found):
            if start >= end:
                clear.append(((start, stop), person_id))
                end = stop
        return clear

    def _address(self, match: re.Match[str]) -> tuple[Span, int] | None:
        for bare, span in bare_addresses(match):
            person_id = self.who(bare)
            if person_id is not None:
                return span, person_id
        return None

    def _name(self, text: str, words: list[re.Match[str]]) -> tuple[Span, int] | None:
        """The longest name that begins with the first of these words."""
        together = 1
        while together < len(words):
            if not GAP.fullmatch(text, words[together - 1].end(), words[together].start()):
                break
            together += 1
        for count in range(together, LEAST_WORDS_OF_NAME - 1, -1):
            end = words[count - 1].end()
            person_id = self.who(" ".join(word.group().casefold() for word in words[:count]))
            if person_id is not None and ENDS.match(text, end):
                return (words[0].start(), end), person_id
        return None


def _folded(name: str) -> str:
    return " ".join(word.casefold() for word in WORD.findall(name))


@dataclass
class Masks:
    """The roles and numbers of other people in one copy. `say` translates into the language of the copy; `team` are
    the row numbers of staff as far as they were met."""

    directory: Directory
    say: Callable[[str], str]
    is_staff: Callable[[int], bool]
    numbers: dict[int, str] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def meet(self, people: Iterable[int]) -> None:
        """Give numbers in this order: whoever wrote comes first, so that erasing one shifts nobody's number."""
        for person_id in people:
            self.label(person_id)

    def label(self, person_id: int | None) -> str:
        """What stands for a person; None is a machine."""
        if person_id is None:
            return self.say(MACHINE)
        if person_id not in self.numbers:
            role = COLLEAGUE if self.is_staff(person_id) else OTHER
            self.counts[role] = self.counts.get(role, 0) + 1
            self.numbers[person_id] = self.say(role) % {"num": self.counts[role]}
        return self.numbers[person_id]

    def text(self, text: str) -> str:
        """A text without names and addresses of others."""
        kept, end = [], 0
        for (start, stop), person_id in self.directory.found(text):
            kept += [text[end:start], self.label(person_id)]
            end = stop
        return "".join([*kept, text[end:]]) if kept else text

    def received(self, text: str, thread: str) -> str:
        """A text that somebody else wrote to her: names and addresses masked, and lines marked as a quote left out
        unless they repeat what she has in the same conversation (`thread`, `normalised`)."""
        return self.text(_without_foreign_quotes(text, thread, self.say(QUOTED)))


def staff_among(session: Session) -> Callable[[int], bool]:
    """Whether a person is of the team; each is looked up once."""
    known: dict[int, bool] = {}

    def is_staff(person_id: int) -> bool:
        if person_id not in known:
            kind = session.scalar(select(Person.kind).where(Person.id == person_id))
            known[person_id] = kind == STAFF
        return known[person_id]

    return is_staff


def _without_foreign_quotes(text: str, thread: str, mark: str) -> str:
    if not any(QUOTE.match(line) for line in text.split("\n")):
        return text
    kept: list[str] = []
    removed = False
    for line in text.split("\n"):
        quoted = QUOTE.match(line)
        words = normalised(line)
        foreign = quoted is not None and (words not in thread if words else removed)
        if not foreign:
            kept.append(line)
        elif not removed and quoted is not None:
            kept.append(f"{quoted.group(0)}{mark}")
        removed = foreign
    return "\n".join(kept)
