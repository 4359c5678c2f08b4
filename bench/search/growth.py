"""How the search grows: build, size, memory, latency and one change, for invented help centres of several sizes.

python -m bench.search.growth [ARTICLES ...]        default: 1000 10000
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.search.measures import percentile
from knowledge_base.document import LANGUAGES, Document, Section
from knowledge_base.index import Index
from knowledge_base.search import search, suggest

PUBLIC = frozenset({"public"})
ONSETS = [
    "b",
    "br",
    "d",
    "dr",
    "f",
    "fl",
    "g",
    "gr",
    "h",
    "k",
    "kl",
    "l",
    "m",
    "n",
    "p",
    "pf",
    "r",
    "s",
    "sch",
    "schl",
    "st",
    "str",
    "t",
    "w",
    "z",
]
VOWELS = ["a", "e", "i", "o", "u", "ei", "au", "ie", "ä", "ö", "ü"]
CODAS = ["", "", "", "l", "n", "r", "s", "t", "nd", "rt", "ng", "ck"]
VOCABULARY = 12_000
ROUNDS = 300


class Language:
    """An invented language: words with the frequencies of a natural one (Zipf), some joined to compounds."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        simple = {self._syllables() for _ in range(VOCABULARY)}
        self.words = sorted(simple)
        self.random.shuffle(self.words)
        self.words += [a + b for a, b in zip(self.words[:3000], reversed(self.words[:3000]), strict=True)]
        self.weights = [1 / (rank + 3) for rank in range(len(self.words))]

    def _syllables(self) -> str:
        pick = self.random.choice
        return "".join(
            pick(ONSETS) + pick(VOWELS) + pick(CODAS) for _ in range(self.random.choice((1, 2, 2, 3)))
        )

    def text(self, words: int) -> str:
        return " ".join(self.random.choices(self.words, self.weights, k=words))


def articles(count: int, languages: dict[str, Language]) -> Iterator[Document]:
    """`count` articles, half in each language, two sections of about 60 words."""
    for key in range(count):
        lang = LANGUAGES[key % len(LANGUAGES)]
        text = languages[lang].text
        sections = tuple(Section(f"s{n}", text(3), f"{text(30)}.\n\n{text(30)}.") for n in range(2))
        yield Document(
            key, lang, f"a-{key}", text(5), text(12), (text(1),), sections, f"c{key % 12}", PUBLIC, key
        )


def typed(languages: dict[str, Language]) -> Iterator[tuple[str, str]]:
    """Queries of one to six words, every third with a slip in it."""
    for number in range(ROUNDS):
        lang = LANGUAGES[number % len(LANGUAGES)]
        text = languages[lang].text(1 + number % 6)
        yield lang, text[:3] + text[4:] if number % 3 == 0 else text


def unkind() -> Iterator[tuple[str, str]]:
    """Queries that nobody types by mistake: very long, many words, signs, other scripts."""
    many = " ".join(f"wort{number}" for number in range(200))
    texts = (
        "x" * 5000,
        many,
        many[::-1],
        "\0" * 100,
        "*?[](){}~^:" * 30,
        "\U0001f600 " * 100,
        "שלום " * 60,
        "ab" * 24,
    )
    for number in range(ROUNDS // 2):
        yield LANGUAGES[number % len(LANGUAGES)], texts[number // 2 % len(texts)]


def resident() -> int:
    """MiB of memory this process holds, shared files included."""
    status = Path("/proc/self/statm")
    return int(status.read_text().split()[1]) * 4096 // 2**20 if status.exists() else 0


def report(count: int) -> None:
    languages = {lang: Language(seed) for seed, lang in enumerate(LANGUAGES)}
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home) / "search"
        start = time.perf_counter()
        Index.rebuild(folder, articles(count, languages))
        built = time.perf_counter() - start
        index = Index.open(folder)
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20
        print(f"{count} articles: built in {built:.1f} s, {size:.1f} MiB on disk, process {resident()} MiB")
        queries = list(typed(languages))
        for name, find, asked in (
            ("search, first touch", search, queries),
            ("search, warm", search, queries),
            ("suggest, warm", suggest, queries),
            ("search, unkind", search, list(unkind())),
        ):
            took = []
            for lang, text in asked:
                start = time.perf_counter()
                find(index, text, lang=lang, audiences=PUBLIC)
                took.append((time.perf_counter() - start) * 1000)
            print(
                f"  {name:20} p50 {percentile(took, 0.5):6.2f}  p95 {percentile(took, 0.95):6.2f}  p99 {percentile(took, 0.99):6.2f} ms"
            )
        start = time.perf_counter()
        index.replace(articles(1, languages))
        print(f"  one article replaced in {time.perf_counter() - start:.2f} s")


if __name__ == "__main__":
    for given in sys.argv[1:] or ("1000", "10000"):
        report(int(given))
