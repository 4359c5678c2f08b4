"""How text becomes words, per language: one way for articles and for what readers type.

Whoosh indexes whole words in their natural spelling (`WordAnalyzer`); folding and stems are drawn from the
vocabulary afterwards (see `snapshot`), so that a word is stemmed once and not once an occurrence.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import snowballstemmer
import whoosh
from whoosh.analysis import Analyzer, Token

ANALYSIS_VERSION = 6
MAX_WORD = 48  # letters; longer runs are data (hashes, base64) and are cut to this in text and query alike

# A word is a run of letters and digits, apostrophes inside included. Runs tied by these signs without a space
# ("E-Mail", "ERR-42", "a.b@example.org", "Kund:innen") are indexed as parts and once as a whole.
_TIES = "-_.@:*+&/\u2010\u2011\u2013"
_CHAIN = re.compile(rf"[^\W_]+(?:(?:[’'][^\W\d_]+)|(?:[{_TIES}][^\W_]+))*")
_PART = re.compile(r"[^\W_]+(?:[’'][^\W\d_]+)*")
_INVISIBLE = {ord(c): None for c in "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"}
_DIGRAPH = re.compile(r"(?<![aeq])ue|ae|oe")
_NATURAL = {"ae": "a", "oe": "o", "ue": "u"}


class Word(NamedTuple):
    """A word of a text: normal form, position, and where it stands. `whole` marks the join of a tied chain."""

    text: str
    position: int
    start: int
    end: int
    whole: bool


def words(text: str) -> Iterator[Word]:
    """The words of `text` in order; the whole of a tied chain comes first, at the position of its first part.

    Offsets belong to `text` as given (apart from invisible signs, nothing is replaced before cutting).
    """
    position = 0
    for chain in _CHAIN.finditer(text):
        start, end = chain.span()
        parts = [(m.group(), m.start(), m.end()) for m in _PART.finditer(text, start, end)]
        if 1 < len(parts) <= 8:
            yield Word(normal("".join(part for part, _, _ in parts)), position, start, end, True)
        for part, begin, stop in parts:
            yield Word(normal(part), position, begin, stop, False)
            position += 1


def chain_at(text: str, start: int) -> tuple[int, str, int]:
    """Of the word that begins at `start`: its end, and the joined chain it opens with that chain's end."""
    part, chain = _PART.match(text, start), _CHAIN.match(text, start)
    if part is None or chain is None:
        return start, "", start
    if chain.end() == part.end():
        return part.end(), "", part.end()
    return part.end(), normal("".join(m.group() for m in _PART.finditer(chain.group()))), chain.end()


def clean(text: str) -> str:
    """`text` composed and without invisible signs: what is stored, indexed, cut and marked."""
    return unicodedata.normalize("NFC", text.translate(_INVISIBLE))


@lru_cache(maxsize=20_000)
def normal(word: str) -> str:
    """Compatibility form, lower case, without apostrophes; umlauts stay: the spelling kept in the index."""
    word = unicodedata.normalize("NFKC", word).casefold()
    for ending in ("'s", "’s"):
        word = word.removesuffix(ending)
    return unicodedata.normalize("NFC", word.replace("'", "").replace("’", ""))[:MAX_WORD]


def fold(word: str, lang: str) -> str:
    """The form under which spellings meet: no accents; in German also ae/oe/ue as a/o/u and ß as ss."""
    if not word.isascii():
        word = "".join(c for c in unicodedata.normalize("NFKD", word) if not unicodedata.combining(c))
    if lang == "de" and "e" in word:
        word = _DIGRAPH.sub(lambda m: _NATURAL[m.group()], word)
    return word


def title_key(title: str, lang: str) -> str:
    """What makes two titles the same for a reader who types one: folded words, in order."""
    return " ".join(fold(w.text, lang) for w in words(title) if not w.whole)


_STEMMERS = {"de": "german", "en": "english"}


@lru_cache(maxsize=20_000)
def stem(form: str, lang: str) -> str:
    """The Snowball stem of a folded form, or our own where that is another word's. Forms with digits stay whole."""
    if len(form) < 3 or not form.isalpha():
        return form
    if own := _own_stems(lang).get(form):
        return own
    # A stemmer keeps state while it works; one for each call is cheap and safe with threads.
    stemmer = snowballstemmer.stemmer(_STEMMERS[lang])
    return str(fold(stemmer.stemWord(form), lang))


@lru_cache(maxsize=4)
def _own_stems(lang: str) -> dict[str, str]:
    """Folded form -> its stem, from `words/stems_<lang>.txt`; the sign at the end keeps it apart from all others."""
    text = (Path(__file__).parent / "words" / f"stems_{lang}.txt").read_text(encoding="utf-8")
    lines = (line.split() for line in text.splitlines() if not line.startswith("#"))
    return {fold(normal(form), lang): f"{fold(normal(line[0]), lang)}=" for line in lines for form in line}


def read_words(name: str) -> frozenset[str]:
    """The words of a list in `words/`; lines with # are remarks."""
    text = (Path(__file__).parent / "words" / name).read_text(encoding="utf-8")
    return frozenset(word for line in text.splitlines() if not line.startswith("#") for word in line.split())


@lru_cache(maxsize=8)
def stop_words(lang: str) -> frozenset[str]:
    """The folded everyday words that say little about what is sought; they weigh little, they do not vanish."""
    return frozenset(fold(normal(word), lang) for word in read_words(f"stop_{lang}.txt"))


def fingerprint() -> str:
    """Names everything that decides what an index holds; another fingerprint means: build it anew."""
    return f"{ANALYSIS_VERSION}/whoosh {whoosh.versionstring()}/snowball {snowballstemmer.__name__}"


class WordAnalyzer(Analyzer):  # type: ignore[misc]
    """Hands our words to Whoosh. Top level and without state, because Whoosh pickles it with the schema."""

    def __call__(self, value: str, **kwargs: Any) -> Iterator[Token]:
        token = Token(positions=True, chars=False, boosts=True, mode="index")
        token.boost = 1.0
        for word in words(value):
            token.original = token.text = word.text
            token.pos = word.position
            token.stopped = False
            yield token

    def __eq__(self, other: object) -> bool:
        return isinstance(other, WordAnalyzer)

    __hash__ = None  # type: ignore[assignment]
