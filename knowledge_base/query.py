"""What a reader typed becomes words with alternatives: stems, compounds, joined neighbours, synonyms, near spellings.

Nothing typed is syntax. The number of words is bounded, so any input is answered in bounded time.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from knowledge_base.analysis import Word, clean, fold, stem, stop_words, words
from knowledge_base.lexicon import base_forms, separable
from knowledge_base.partition import Partition
from knowledge_base.synonyms import SynonymSet, SynonymTable, built_in

MAX_TEXT = 2000
MAX_WORDS = 24
STOP_WEIGHT = 0.3

# How much a find counts by the way it was found, the typed stem counting 1.
SYNONYM = 0.8
PARTS = 0.75
BASE = 0.8
JOINED = 1.0
TYPO = (1.0, 0.9, 0.75, 0.6)
PREFIX_UNKNOWN = 0.8
PREFIX_KNOWN = 0.35
MAX_PREFIXED = 24


@dataclass(slots=True)
class Term:
    """One typed word. `stems` are alternatives (the best counts); `sums` are stems that only count together."""

    text: str
    form: str
    weight: float
    known: bool = False
    stop: bool = False
    stems: dict[int, float] = field(default_factory=dict)
    sums: list[tuple[tuple[int, ...], float]] = field(default_factory=list)
    correction: str | None = None

    def add(self, number: int, weight: float) -> None:
        if number >= 0 and weight > self.stems.get(number, 0.0):
            self.stems[number] = weight


@dataclass(slots=True)
class Query:
    """The words to be scored, and the text with its unknown words corrected (None: nothing to correct)."""

    terms: list[Term]
    corrected: str | None
    title: str  # comparable with `snapshot.title_key`


def understand(partition: Partition, text: str, synonyms: SynonymSet | None, *, typing: bool) -> Query:
    """Turn typed text into a `Query` for one language; `typing`: the last word may be unfinished."""
    cut = clean(text[:MAX_TEXT])
    found = list(words(cut))
    typed = list({w.start: w for w in found if not w.whole}.values())
    title = " ".join(fold(w.text, partition.lang) for w in typed)
    typed = typed[:MAX_WORDS]
    stops = stop_words(partition.lang) | (synonyms.stops(partition.lang) if synonyms else frozenset())
    terms = [_term(partition, w.text, stops) for w in typed]
    finished = not typing and bool(cut) and not cut[-1].isalnum()
    for number, term in enumerate(terms):
        last = number == len(terms) - 1 and not finished
        _add_neighbours(partition, terms, number)
        _add_separated(partition, terms, number)
        _add_parts(partition, term)
        _add_synonyms(partition, terms, number, synonyms)
        if last or (not term.known and not term.stems and not term.sums):
            _add_prefixed(partition, term, typing)
        if not term.known and not term.stop:
            _add_near(partition, term)
    return Query(terms, _corrected(cut, typed, terms), title)


def _term(partition: Partition, text: str, stops: frozenset[str]) -> Term:
    form = fold(text, partition.lang)
    number = partition.stem(stem(form, partition.lang))
    stop = form in stops
    term = Term(text, form, STOP_WEIGHT if stop else 1.0, stop=stop, known=number >= 0)
    term.add(number, 1.0)
    if not term.known and (form_number := partition.form(form)) >= 0:
        term.add(int(partition["form_stem"][form_number]), 1.0)
        term.known = True
    return term


def _add_neighbours(partition: Partition, terms: list[Term], number: int) -> None:
    """ "Tasten Kombination" also means "Tastenkombination", "log in" also "login"."""
    if number + 1 == len(terms):
        return
    one, two = terms[number], terms[number + 1]
    for link in ("", "s", "n") if partition.lang == "de" else ("",):
        joined = stem(one.form + link + two.form, partition.lang)
        if (found := partition.stem(joined)) >= 0:
            for term in (one, two):
                term.add(found, JOINED)


def _add_separated(partition: Partition, terms: list[Term], number: int) -> None:
    """ "Melde mich an" also means "anmelden"."""
    particle = terms[number].form
    if partition.lang != "de" or not separable(particle):
        return
    for verb in terms[max(0, number - 6) : number]:
        for base in (verb.form, *base_forms(verb.form, "de")):
            if not verb.stop and (found := partition.stem(stem(particle + base, "de"))) >= 0:
                verb.add(found, JOINED)


def _add_parts(partition: Partition, term: Term) -> None:
    if term.stop:
        return
    if parts := partition.parts(term.form):
        term.sums.append((parts, PARTS))
    for base in partition.bases(term.form):
        term.add(base, BASE)


def _add_synonyms(partition: Partition, terms: list[Term], number: int, synonyms: SynonymSet | None) -> None:
    tables: list[SynonymTable] = [built_in(partition.lang)]
    if synonyms:
        tables.append(synonyms.table(partition.lang))
    stems = [stem(term.form, partition.lang) for term in terms]
    for table in tables:
        for length in range(1, min(table.longest, len(terms) - number) + 1):
            for other, closeness in table.alternatives.get(
                tuple(stems[number : number + length]), {}
            ).items():
                numbers = tuple(partition.stem(s) for s in other)
                if min(numbers) < 0:
                    continue
                for term in terms[number : number + length]:
                    if len(numbers) == 1:
                        term.add(numbers[0], SYNONYM * closeness)
                    else:
                        term.sums.append((numbers, SYNONYM * closeness))


def _add_prefixed(partition: Partition, term: Term, typing: bool) -> None:
    if len(term.form) < 2 or (term.stop and not typing):
        return
    base = PREFIX_KNOWN if term.known else PREFIX_UNKNOWN
    for number in partition.prefixed(term.form, MAX_PREFIXED):
        length = len(partition.forms.raw(number))
        term.add(int(partition["form_stem"][number]), base * (0.5 + 0.5 * len(term.form) / length))


def _add_near(partition: Partition, term: Term) -> None:
    near = partition.near(term.form)
    for number, edits in near:
        term.add(int(partition["form_stem"][number]), TYPO[edits])
        for part in partition.row("part_at", "part", number):
            term.add(int(part), TYPO[edits] * 0.5)
    if near:
        term.correction = partition.spelling(near[0][0])


def _corrected(text: str, typed: list[Word], terms: list[Term]) -> str | None:
    made, at, changed = [], 0, False
    for word, term in zip(typed, terms, strict=True):
        made.append(text[at : word.start])
        made.append(term.correction or text[word.start : word.end])
        changed = changed or term.correction is not None
        at = word.end
    made.append(text[at:])
    return "".join(made).strip() if changed else None
