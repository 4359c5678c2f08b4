"""The demo's articles as the index gets them, and their judged queries: a set to measure on without any other files.

python -m bench.search.demo FOLDER      writes corpus_<lang>.jsonl for `bench.search.evaluate`
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from app import markup
from app.articles.entries import Entry, from_markdown
from knowledge_base.document import LANGUAGES, Document, Section

CONTENT = Path(__file__).parents[2] / "knowledge_base" / "content"
PUBLIC = frozenset({"public"})


def entries(lang: str) -> list[Entry]:
    """The demo's articles in one language, those for the team included."""
    files = sorted((CONTENT / lang / "demo").glob("*.md"))
    read = (from_markdown(file.read_text(encoding="utf-8"), lang=lang, name=file.stem) for file in files)
    return [entry for entry in read if isinstance(entry, Entry)]


def documents(lang: str) -> list[Document]:
    """The same, ready for the index and public."""
    return [_document(key, entry) for key, entry in enumerate(entries(lang))]


def _document(key: int, entry: Entry) -> Document:
    content = entry.content
    sections = tuple(Section(part.anchor, part.heading, part.text) for part in markup.parts(content.body))
    words = tuple(content.keywords)
    return Document(
        key, entry.lang, entry.slug, content.title, content.summary, words, sections, "", PUBLIC, 0
    )


def queries(lang: str) -> Path:
    """The judged queries, in the form that `bench.search.evaluate` reads."""
    return Path(__file__).parent / f"demo_queries_{lang}.tsv"


def main() -> None:
    folder = Path(sys.argv[1])
    for lang in LANGUAGES:
        with (folder / f"corpus_{lang}.jsonl").open("w", encoding="utf-8") as lines:
            for entry in entries(lang):
                content = entry.content
                body = "\n".join([content.summary, markup.plain_text(content.body)])
                held = {"id": entry.slug, "lang": lang, "title": content.title, "body": body}
                lines.write(json.dumps(held, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
