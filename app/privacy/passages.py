"""Finding and removing words about a person in texts: exact passages, her address and name, quotes of what she wrote.

Pure: texts in, texts out. Case, runs of white space and quote marks (`>`) never hide a passage.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

QUOTE = re.compile(r"^[ \t]*(?:>[ \t]?)+")
ADDRESS = re.compile(r"[^\s<>()\[\],;:\"“”„‚‘|]+@[^\s<>()\[\],;:\"“”„‚‘|]+")
WORD = re.compile(r"\w+")
GAP = r"(?:\s|>)+"  # between two words of a passage: white space, also across lines of a quote
NAME_GAP = r"(?:\.?[\s>–-]+|['’])"  # between two words of a name: a hyphen may be there or not
NAME_ENDS = r"(?!\w|[-–'’]\w)"  # "Anna Meier-Schulz" is somebody else
SHORTEST_LINE = 24  # a line without a quote mark counts as a quote of hers from this length on
LEAST_WORDS_OF_NAME = 2  # one word alone ("Peter") is too many people
Span = tuple[int, int]


def marker(reason: str, *, lang: str = "de") -> str:
    """What stands where a passage was: that something was removed, and why."""
    word = "entfernt" if lang == "de" else "removed"
    return f"[{word}: {reason}]" if reason else f"[{word}]"


def passage_pattern(passage: str) -> re.Pattern[str] | None:
    """A pattern for a passage however it is wrapped, quoted or written in capitals; None for an empty one."""
    words = passage.split()
    return re.compile(GAP.join(map(re.escape, words)), re.IGNORECASE) if words else None


def spans_of(passage: str, text: str) -> list[Span]:
    """Where a passage stands in a text, as (start, end)."""
    pattern = passage_pattern(passage)
    return [match.span() for match in pattern.finditer(text)] if pattern and text else []


def cut(text: str, spans: Sequence[Span], mark: str) -> str:
    """The text with the mark in the place of each span. Spans may touch or overlap."""
    kept, end = [], 0
    for start, stop in sorted(spans):
        if start >= end:
            kept += [text[end:start], mark]
        end = max(end, stop)
    return "".join([*kept, text[end:]])


def bare_addresses(match: re.Match[str]) -> Iterator[tuple[str, Span]]:
    """What may be the address in a match of `ADDRESS`, with and without marks of the sentence around it, and where."""
    typed = match.group().casefold()
    for bare in (typed, typed.strip("'.-_*`"), typed.rstrip(".")):
        start = match.start() + typed.index(bare)
        yield bare, (start, start + len(bare))


@dataclass(frozen=True)
class Names:
    """Addresses and full names of people to be removed. Addresses are found in any text, names as whole words."""

    emails: frozenset[str]
    names: frozenset[str]

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> Names:
        """From (address, name). A name of a single word is left out: it may be anybody's."""
        listed = list(pairs)
        return cls(
            frozenset(email.casefold() for email, _ in listed if email),
            frozenset(
                " ".join(name.split()) for _, name in listed if len(name.split()) >= LEAST_WORDS_OF_NAME
            ),
        )

    @cached_property
    def _by_first_word(self) -> dict[str, list[re.Pattern[str]]]:
        """Patterns of the names under their first word, so that many names cost no more than one."""
        found: dict[str, list[re.Pattern[str]]] = {}
        for name in sorted(self.names, key=len, reverse=True):
            words = WORD.findall(name)
            pattern = re.compile(NAME_GAP.join(map(re.escape, words)) + NAME_ENDS, re.IGNORECASE)
            found.setdefault(words[0].casefold(), []).append(pattern)
        return found

    def spans(self, text: str) -> list[Span]:
        """Where one of them stands in a text."""
        found = [span for match in ADDRESS.finditer(text) if (span := self._address(match))]
        if self.names:
            for word in WORD.finditer(text):
                if text[max(0, word.start() - 1) : word.start()] in ("-", "–", "'", "’"):
                    continue
                for pattern in self._by_first_word.get(word.group().casefold(), ()):
                    if match := pattern.match(text, word.start()):
                        found.append(match.span())
                        break
        return found

    def _address(self, match: re.Match[str]) -> Span | None:
        """The address in a match, without marks that stand before or after it in a sentence."""
        return next((span for bare, span in bare_addresses(match) if bare in self.emails), None)

    def covers(self, text: str) -> bool:
        """Whether a text of several words is nothing but words of one of the names, as somebody types it in a search."""
        words = {word.casefold() for word in WORD.findall(text)}
        return len(words) >= LEAST_WORDS_OF_NAME and any(
            words <= {word.casefold() for word in WORD.findall(name)} for name in self.names
        )

    def removed(self, text: str, mark: str) -> str:
        """The text without them."""
        return cut(text, self.spans(text), mark)


def normalised(text: str) -> str:
    """A text on one line, lower case, without quote marks: how two writings of the same words are compared."""
    lines = (QUOTE.sub("", line) for line in text.splitlines())
    return " ".join(" ".join(lines).split()).casefold()


def without_quotes(text: str, hers: str, mark: str) -> str:
    """A text of somebody else without the lines that repeat what she wrote. `hers` is `normalised` text of hers.

    A line counts when it is marked as a quote, or long, and its words stand in hers one after the other. Consecutive
    removed lines leave one mark.
    """
    if not hers:
        return text
    kept: list[str] = []
    removed = False
    for line in text.split("\n"):
        quoted = QUOTE.match(line)
        words = normalised(line)
        repeats = bool(words) and words in hers and (quoted is not None or len(words) >= SHORTEST_LINE)
        if repeats and not removed:
            kept.append(f"{quoted.group(0) if quoted else ''}{mark}")
        elif not repeats and not (removed and quoted and not words):
            kept.append(line)
        removed = repeats or (removed and quoted is not None and not words)
    return "\n".join(kept)
