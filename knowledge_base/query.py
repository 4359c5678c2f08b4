"""What a reader typed becomes words with alternatives: stems, compounds, joined neighbours, synonyms, near spellings.

Nothing typed is syntax. The number of words is bounded, so any input is answered in bounded time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from knowledge_base.analysis import Word, clean, fold, stem, stop_words, words
from knowledge_base.arrayfile import Array
from knowledge_base.lexicon import base_forms, separable
from knowledge_base.partition import Partition
from knowledge_base.synonyms import SynonymSet, built_in

MAX_TEXT = 2000
MAX_WORDS = 24
STOP_WEIGHT = 0.4

# How much a find counts by the way it was found, the typed stem counting 1.
SYNONYM_KNOWN = 0.7  # where articles hold the typed word itself
SYNONYM_UNKNOWN = 1.0
SYNONYM_PART = 0.8  # of a compound's part
PARTS = 0.75
BASE = 0.8
JOINED = 1.0
TYPO_COST = 1.6  # what a slip takes away, times its share of the word's length
OTHER_INITIAL = 0.7  # slips in the first letter are rare
PREFIX_UNKNOWN = 0.8
PREFIX_KNOWN = 0.35
PREFIX_SHORT = 0.3  # how much of that a prefix of one letter keeps; four letters keep all
MAX_PREFIXED = 24

Alternatives = dict[int, float]  # stem number -> weight; the best one counts


class Sum(NamedTuple):
    """Several things that count together: all of them (`whole`: a phrase), or each its share (parts of a compound)."""

    parts: list[Alternatives]
    weight: float
    whole: bool


@dataclass(slots=True)
class Term:
    """One typed word. `stems` are alternatives, and so is each of `sums`."""

    text: str
    form: str
    weight: float
    known: bool = False
    stop: bool = False
    stems: Alternatives = field(default_factory=dict)
    own: set[int] = field(
        default_factory=set
    )  # those of `stems` that are the typed word itself, in other forms
    sums: list[Sum] = field(default_factory=list)
    corrections: list[int] = field(default_factory=list)  # forms that may have been meant, nearest first

    def add(self, number: int, weight: float) -> None:
        """Take `number` (-1: unknown, ignored) as an alternative."""
        if number >= 0 and weight > self.stems.get(number, 0.0):
            self.stems[number] = weight


@dataclass(slots=True)
class Query:
    """The words to be scored, where they stand in the text, and the text as a title (see `analysis.title_key`)."""

    text: str
    typed: list[Word]
    terms: list[Term]
    title: str

    def corrected(self, partition: Partition, allowed: Array) -> str | None:
        """The text with its slips corrected, by words of articles that the reader may see; None when there are none."""
        made, at = [], 0
        for word, term in zip(self.typed, self.terms, strict=True):
            for number in term.corrections:
                if allowed[partition.row("post_at", "post", int(partition["form_stem"][number]))].any():
                    made += [self.text[at : word.start], partition.spelling(number)]
                    at = word.end
                    break
        return " ".join("".join([*made, self.text[at:]]).split()) if made else None


def understand(partition: Partition, text: str, synonyms: SynonymSet | None, *, typing: bool) -> Query:
    """Turn typed text into a `Query` for one language; `typing`: the last word may be unfinished."""
    cut = clean(text[:MAX_TEXT])
    found = list(words(cut))
    typed = [word for word in found if not word.whole]
    title = " ".join(fold(word.text, partition.lang) for word in typed)
    reader = _Reader(partition, synonyms, typed[:MAX_WORDS])
    for whole in found:
        if whole.whole:
            reader.add_whole(whole)
    open_end = typing or (bool(cut) and cut[-1].isalnum())
    for number in range(len(reader.terms)):
        reader.explain(number, open_end and number == len(reader.terms) - 1, typing)
    return Query(cut, reader.typed, reader.terms, title)


class _Reader:
    """Finds the alternatives of each typed word."""

    def __init__(self, partition: Partition, synonyms: SynonymSet | None, typed: list[Word]) -> None:
        self.partition = partition
        self.lang = partition.lang
        self.typed = typed
        self.tables = [built_in(self.lang)]
        self.stops = stop_words(self.lang)
        if synonyms:
            self.tables.append(synonyms.table(self.lang))
            self.stops |= synonyms.stops(self.lang)
        self.terms = [self._term(word.text) for word in typed]
        self.stems = [stem(term.form, self.lang) for term in self.terms]

    def _term(self, text: str) -> Term:
        form = fold(text, self.lang)
        stop = form in self.stops
        term = Term(text, form, STOP_WEIGHT if stop else 1.0, stop=stop)
        term.add(self._number(form), 1.0)
        if not term.stems and (number := self.partition.form(form)) >= 0:
            self._add_form(term, number, 1.0)
        term.known = bool(term.stems)
        term.own = set(term.stems)
        return term

    def _number(self, form: str) -> int:
        return self.partition.stem(stem(form, self.lang))

    def _add_form(self, term: Term, number: int, weight: float) -> None:
        term.add(int(self.partition["form_stem"][number]), weight)

    def explain(self, number: int, unfinished: bool, typing: bool) -> None:
        """Collect what the word may mean; slips are looked for only where nothing else explains it."""
        term = self.terms[number]
        self._add_neighbours(number)
        self._add_separated(number)
        if not term.stop:
            self._add_parts(term)
        self._add_synonyms(number)
        explained = bool(term.stems or term.sums)
        if unfinished and (typing or not term.stop):
            explained = self._add_prefixed(term) or explained
        if not explained and not term.stop and not self._listed(term.form):
            if not unfinished:
                self._add_prefixed(term)
            self._add_near(term)

    def add_whole(self, whole: Word) -> None:
        """`ERR-42-X` and `a.b@example.org` also mean the whole as it is written."""
        number = self._number(fold(whole.text, self.lang))
        for word, term in zip(self.typed, self.terms, strict=True):
            if whole.start <= word.start < whole.end:
                term.add(number, JOINED)

    def _add_neighbours(self, number: int) -> None:
        """`Tasten Kombination` also means `Tastenkombination`, `log in` also `login`."""
        for one, two in zip(
            self.terms[number : number + 1], self.terms[number + 1 : number + 2], strict=False
        ):
            for link in ("", "s", "n") if self.lang == "de" else ("",):
                found = self._number(one.form + link + two.form)
                one.add(found, JOINED)
                two.add(found, JOINED)

    def _add_separated(self, number: int) -> None:
        """`Melde mich an` also means `anmelden`, and what means the same."""
        particle = self.terms[number].form
        if self.lang == "de" and separable(particle):
            for verb in self.terms[max(0, number - 6) : number]:
                if not verb.stop:
                    for base in (verb.form, *base_forms(verb.form, "de")):
                        whole = stem(particle + base, self.lang)
                        verb.add(self.partition.stem(whole), JOINED)
                        for other, closeness in self._synonyms((whole,)):
                            if len(other) == 1:
                                verb.add(self.partition.stem(other[0]), SYNONYM_UNKNOWN * closeness)

    def _add_parts(self, term: Term) -> None:
        parts = [made for part in self.partition.parts(term.form) if (made := self._meanings(part))]
        if parts:
            term.sums.append(Sum(parts, PARTS, whole=False))
        for base in base_forms(term.form, self.lang):
            if (number := self._number(base)) >= 0:
                term.add(number, BASE)
                term.own.add(number)

    def _meanings(self, form: str) -> Alternatives:
        """A single word with its synonyms."""
        made: Alternatives = {}
        if (number := self._number(form)) >= 0:
            made[number] = 1.0
        for other, closeness in self._synonyms((stem(form, self.lang),)):
            if len(other) == 1 and (number := self.partition.stem(other[0])) >= 0:
                made.setdefault(number, SYNONYM_PART * closeness)
        return made

    def _synonyms(self, typed: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], float]]:
        for table in self.tables:
            yield from table.alternatives.get(typed, {}).items()

    def _add_synonyms(self, number: int) -> None:
        """Synonyms of the word and of phrases that begin with it; of an unknown verb form, those of its infinitive."""
        longest = max(table.longest for table in self.tables)
        for length in range(min(longest, len(self.terms) - number), 0, -1):
            covered = self.terms[number : number + length]
            found = list(self._synonyms(tuple(self.stems[number : number + length])))
            if length == 1 and not found and not covered[0].stop:
                bases = base_forms(covered[0].form, self.lang)
                found = [other for base in bases[:1] for other in self._synonyms((stem(base, self.lang),))]
            for other, closeness in found:
                numbers = [self.partition.stem(text) for text in other]
                for term in covered if min(numbers) >= 0 else ():
                    weight = closeness * (SYNONYM_KNOWN if term.known else SYNONYM_UNKNOWN)
                    if len(numbers) == 1:
                        term.add(numbers[0], weight)
                    else:
                        term.sums.append(Sum([{n: 1.0} for n in numbers], weight, whole=True))

    def _add_prefixed(self, term: Term) -> bool:
        """The words that begin as typed; for an unknown beginning also slips in it, or a compound cut in its last part."""
        form = term.form
        if len(form) < 2:
            return False
        base = PREFIX_KNOWN if term.known else PREFIX_UNKNOWN
        base *= min(1.0, PREFIX_SHORT + (1 - PREFIX_SHORT) * (len(form) - 1) / 3)
        found = self.partition.prefixed(form, MAX_PREFIXED)
        for number in found:
            length = len(self.partition.forms.raw(number))
            self._add_form(term, number, base * (0.5 + 0.5 * len(form) / length))
        if not found and not term.known and not term.sums:
            for number, edits in self.partition.near_prefix(form):
                self._add_form(term, number, self._likely(form, number, edits) * PREFIX_UNKNOWN)
            self._add_cut_compound(term)
        return bool(found)

    def _add_cut_compound(self, term: Term) -> None:
        """`Tokenver` may become `Tokenverlust`: the known beginning counts, and words that begin like the rest."""
        for head in range(len(term.form) - 2, 3, -1):
            if (number := self.partition.form(term.form[:head])) >= 0:
                self._add_form(term, number, PARTS)
                for tail in self.partition.prefixed(term.form[head:], MAX_PREFIXED // 3):
                    self._add_form(term, tail, PARTS * 0.5)
                return

    def _add_near(self, term: Term) -> None:
        near = self.partition.near(term.form)
        for number, edits in near:
            weight = self._likely(term.form, number, edits)
            self._add_form(term, number, weight)
            for part in self.partition.row("part_at", "part", number):
                term.add(int(part), weight * 0.5)
        term.corrections = [number for number, _ in near]

    def _likely(self, form: str, number: int, edits: int) -> float:
        initial = 1.0 if self.partition.forms[number][:1] == form[:1] else OTHER_INITIAL
        return max(0.1, 1.0 - TYPO_COST * edits / len(form)) * initial

    def _listed(self, form: str) -> bool:
        """Whether our own lists vouch for the word: then it is no slip, only unknown to the articles."""
        return any((stem(form, self.lang),) in table.alternatives for table in self.tables)
