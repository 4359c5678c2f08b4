"""Gives all articles and terms to files from which an import makes the same help centre again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.articles import categories, glossary, service
from app.articles.entries import Entry, TermEntry, to_json, to_markdown
from app.articles.importing import CATEGORIES
from app.articles.models import Article, ArticleText, GlossaryTerm
from app.articles.service import revision

BLOCK = 200


def entries(session: Session) -> Iterator[Entry | TermEntry]:
    """Every text of every article (published ones as readers see them, the others as editors do) and every term.

    Of the languages of an article the first one written is the original, the others are its translations.
    """
    tree = categories.tree(session)
    last = 0
    while True:
        articles = session.scalars(
            select(Article).where(Article.id > last).order_by(Article.id).limit(BLOCK)
        ).all()
        if not articles:
            break
        last = articles[-1].id
        for article in articles:
            yield from _article(session, article, tree)
        session.expunge_all()
    for row in session.scalars(select(GlossaryTerm).order_by(GlossaryTerm.id)):
        yield TermEntry(row.slug, row.lang, glossary.text_of(row))


def _article(session: Session, article: Article, tree: categories.Tree) -> Iterator[Entry]:
    readers = service.audience_of(session, article)
    node = tree.by_id.get(article.category_id) if article.category_id is not None else None
    original: str | None = None
    texts = session.scalars(
        select(ArticleText).where(ArticleText.article_id == article.id).order_by(ArticleText.id)
    )
    for text in texts:
        yield Entry(
            slug=text.slug,
            lang=text.lang,
            content=revision(session, text.id, text.current_number or text.latest_number),
            category=node.path if node else None,
            audience=readers,
            translation_of=original,
            state=text.state,
        )
        original = original or text.slug


def count(session: Session) -> int:
    """How many entries there are."""
    texts = session.scalar(select(func.count()).select_from(ArticleText)) or 0
    return texts + (session.scalar(select(func.count()).select_from(GlossaryTerm)) or 0)


def to_file(path: Path, items: Iterator[Entry | TermEntry]) -> None:
    """Write JSON lines. The file appears whole or not at all."""
    partial = path.with_name(path.name + ".part")
    with open(partial, "w", encoding="utf-8", newline="\n") as file:
        for item in items:
            file.write(to_json(item) + "\n")
    partial.replace(path)


def to_folder(folder: Path, items: Iterator[Entry | TermEntry]) -> None:
    """Write one Markdown file an entry: `<lang>/<slug>.md`, terms in `<lang>/glossary/`."""
    for item in items:
        home = folder / item.lang / ("glossary" if isinstance(item, TermEntry) else "articles")
        home.mkdir(parents=True, exist_ok=True)
        name = quote(item.slug, safe="").replace("~", "%7E") + ".md"
        (home / name).write_text(to_markdown(item), encoding="utf-8", newline="\n")


def categories_to_folder(session: Session, folder: Path) -> None:
    """Write the categories with their names beside the articles."""
    rows: list[dict[str, Any]] = [
        {"slug": node.path, "sort": node.position, "name": node.names, "description": node.descriptions}
        for _, node in categories.tree(session).walk()
    ]
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / CATEGORIES, "w", encoding="utf-8") as file:
        yaml.safe_dump(rows, file, allow_unicode=True, sort_keys=False, width=100)
