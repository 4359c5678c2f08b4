"""The engines that are compared: the portal's own library and what others commonly use. Each holds one language.

An engine has a `name`, takes all articles at once with `load` and answers `find(text, count)` with ids, best first.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import psycopg
from whoosh.analysis import StemmingAnalyzer
from whoosh.fields import ID, TEXT, Schema
from whoosh.index import create_in
from whoosh.qparser import MultifieldParser

from knowledge_base.document import Document, Section
from knowledge_base.index import Index
from knowledge_base.search import search

PUBLIC = frozenset({"public"})


class Article(NamedTuple):
    """One article of a corpus."""

    id: str
    lang: str
    title: str
    body: str


class Engine(Protocol):
    """What is measured."""

    name: str

    def load(self, articles: Sequence[Article]) -> None: ...

    def find(self, text: str, count: int) -> list[str]: ...


class Portal:
    """The portal's own search library, with its built-in synonyms and nothing else."""

    name = "portal"

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "portal"

    def load(self, articles: Sequence[Article]) -> None:
        self.lang = articles[0].lang
        self.index = Index.rebuild(
            self.folder, (self._document(n, article) for n, article in enumerate(articles))
        )

    def _document(self, key: int, article: Article) -> Document:
        sections = (Section("", "", article.body),)
        return Document(key, article.lang, article.id, article.title, "", (), sections, "", PUBLIC, 0)

    def find(self, text: str, count: int) -> list[str]:
        return [
            hit.slug for hit in search(self.index, text, lang=self.lang, audiences=PUBLIC, limit=count).hits
        ]


class WhooshDefault:
    """Whoosh as in its tutorials: the English stemming analyser, two fields, all words required."""

    name = "Whoosh default"

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "whoosh"

    def load(self, articles: Sequence[Article]) -> None:
        self.folder.mkdir()
        words = TEXT(analyzer=StemmingAnalyzer())
        index = create_in(str(self.folder), Schema(id=ID(stored=True), title=words, body=words))
        with index.writer() as writer:
            for article in articles:
                writer.add_document(id=article.id, title=article.title, body=article.body)
        self.searcher = index.searcher()
        self.parser = MultifieldParser(["title", "body"], index.schema)

    def find(self, text: str, count: int) -> list[str]:
        return [hit["id"] for hit in self.searcher.search(self.parser.parse(text), limit=count)]


class Fts5:
    """SQLite's full-text search: accents removed, any word suffices, title counts twice, ranked by BM25."""

    name = "SQLite FTS5 OR"

    def __init__(self, folder: Path) -> None:
        self.database = sqlite3.connect(":memory:")

    def load(self, articles: Sequence[Article]) -> None:
        tokens = "unicode61 remove_diacritics 2"
        self.database.execute(
            f"CREATE VIRTUAL TABLE article USING fts5(id UNINDEXED, title, body, tokenize='{tokens}')"
        )
        rows = [(article.id, article.title, article.body) for article in articles]
        self.database.executemany("INSERT INTO article VALUES (?, ?, ?)", rows)

    def find(self, text: str, count: int) -> list[str]:
        any_word = " OR ".join(f'"{word}"' for word in re.findall(r"\w+", text))
        if not any_word:
            return []
        query = "SELECT id FROM article WHERE article MATCH ? ORDER BY bm25(article, 0, 2, 1) LIMIT ?"
        return [row[0] for row in self.database.execute(query, (any_word, count))]


class PostgreSQL:
    """PostgreSQL's text search with the dictionary of the language; any word suffices, title weighs A."""

    CONFIGURATION = {"de": "german", "en": "english"}

    def __init__(self, url: str) -> None:
        self.connection = psycopg.connect(url)
        self.name = "PostgreSQL OR"

    def load(self, articles: Sequence[Article]) -> None:
        self.configuration = self.CONFIGURATION[articles[0].lang]
        with self.connection.cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS pg_temp.article")
            cursor.execute("CREATE TEMPORARY TABLE article (id text, words tsvector)")
            words = (
                "setweight(to_tsvector(%(c)s::regconfig, %(t)s), 'A') || to_tsvector(%(c)s::regconfig, %(b)s)"
            )
            for article in articles:
                values = {"i": article.id, "c": self.configuration, "t": article.title, "b": article.body}
                cursor.execute(f"INSERT INTO article VALUES (%(i)s, {words})", values)
            cursor.execute("CREATE INDEX ON article USING gin (words)")
            cursor.execute("ANALYZE article")

    def find(self, text: str, count: int) -> list[str]:
        query = """
            WITH typed AS (SELECT replace(plainto_tsquery(%s::regconfig, %s)::text, '&', '|')::tsquery AS words)
            SELECT id FROM article, typed WHERE article.words @@ typed.words
            ORDER BY ts_rank_cd(article.words, typed.words, 1) DESC LIMIT %s
        """
        with self.connection.cursor() as cursor:
            return [row[0] for row in cursor.execute(query, (self.configuration, text, count))]
