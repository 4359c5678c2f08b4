"""Query text to ranked hits with snippets, and suggestions while typing."""

from __future__ import annotations

from knowledge_base import highlight, scoring
from knowledge_base.arrayfile import Array
from knowledge_base.document import LANGUAGES, Answer, Hit, Results
from knowledge_base.index import Index
from knowledge_base.partition import Partition
from knowledge_base.query import Query, understand
from knowledge_base.scoring import Ranking
from knowledge_base.synonyms import SynonymSet
from knowledge_base.view import View

MAX_KEYS = 1000
CLEAR_LEAD = 1.35  # times the second score: then the first hit's best passage is shown as the answer
NOTHING = Results((), 0, None, None, ())


def search(
    index: Index,
    text: str,
    *,
    lang: str,
    audiences: frozenset[str],
    category: str | None = None,
    offset: int = 0,
    limit: int = 10,
    synonyms: SynonymSet | None = None,
) -> Results:
    """The articles in `lang` that answer `text` and that a reader with `audiences` may see, best first.

    `category` includes its sub-categories. Any text is answered; nothing in it is syntax.
    """
    return _search(index, text, lang, audiences, category, offset, limit, synonyms, typing=False)


def suggest(
    index: Index,
    text: str,
    *,
    lang: str,
    audiences: frozenset[str],
    limit: int = 6,
    synonyms: SynonymSet | None = None,
) -> Results:
    """As `search`, for text that is still being typed: its last word counts as the beginning of a word.

    The hits come without snippets.
    """
    return _search(index, text, lang, audiences, None, 0, limit, synonyms, typing=True)


def _search(
    index: Index,
    text: str,
    lang: str,
    audiences: frozenset[str],
    category: str | None,
    offset: int,
    limit: int,
    synonyms: SynonymSet | None,
    *,
    typing: bool,
) -> Results:
    if lang not in LANGUAGES:
        raise ValueError(f"unknown language {lang!r}")
    view = index.view()
    partition = view.partitions[lang]
    query = understand(partition, text, synonyms, typing=typing)
    if not query.terms or not partition.count:
        return NOTHING
    allowed = partition.visible(audiences, category)
    found = scoring.rank(partition, query, allowed)
    page = slice(offset, offset + limit)
    hits = tuple(
        _hit(view, partition, int(doc), float(score), found.marked, passage=not typing)
        for doc, score in zip(found.docs[page], found.scores[page], strict=True)
    )
    return Results(
        hits=hits,
        total=len(found.docs),
        did_you_mean=query.corrected(partition, allowed) if len(found.docs) else None,
        answer=_answer(view, partition, query, found) if not typing and offset == 0 else None,
        keys=tuple(partition["key"][found.docs[:MAX_KEYS]].tolist()),
    )


def _hit(view: View, partition: Partition, doc: int, score: float, marked: Array, *, passage: bool) -> Hit:
    facts = view.facts(int(partition["docnum"][doc]))
    best = highlight.passage(partition, doc, facts, marked) if passage else highlight.NOTHING
    return Hit(
        key=facts["key"],
        slug=facts["slug"],
        title=facts["title"],
        title_html=highlight.title(partition, doc, facts, marked),
        snippet_html=best.html,
        score=score,
        category=facts["category"],
        anchor=best.anchor,
        updated_at=facts["updated_at"],
    )


def _answer(view: View, partition: Partition, query: Query, found: Ranking) -> Answer | None:
    """The first hit's best passage, when no other comes near and it holds the words that matter: all, of four all but one."""
    if not len(found.docs) or (len(found.docs) > 1 and found.scores[0] < CLEAR_LEAD * found.scores[1]):
        return None
    doc = int(found.docs[0])
    facts = view.facts(int(partition["docnum"][doc]))
    best = highlight.answer(partition, doc, facts, found.marked)
    wanted = sum(not term.stop for term in query.terms)
    if not best.words or wanted - best.words > wanted // 4:
        return None
    return Answer(facts["key"], facts["slug"], facts["title"], best.html, best.anchor)
