"""The demo's and the starter's articles as the index gets them, and their judged queries: sets to measure on without any
other files.

python -m bench.search.demo FOLDER      writes <set>_<lang>.jsonl for `bench.search.evaluate`
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
SETS = ("demo", "starter")


def entries(name: str, lang: str) -> list[Entry]:
    """The articles of a set (one of `SETS`) in one language, those for the team included."""
    files = sorted((CONTENT / lang / name).glob("*.md"))
    read = (from_markdown(file.read_text(encoding="utf-8"), lang=lang, name=file.stem) for file in files)
    return [entry for entry in read if isinstance(entry, Entry)]


def documents(name: str, lang: str) -> list[Document]:
    """The same, ready for the index and public."""
    return [_document(key, entry) for key, entry in enumerate(entries(name, lang))]


def _document(key: int, entry: Entry) -> Document:
    content = entry.content
    sections = tuple(Section(part.anchor, part.heading, part.text) for part in markup.parts(content.body))
    words = tuple(content.keywords)
    return Document(
        key, entry.lang, entry.slug, content.title, content.summary, words, sections, "", PUBLIC, 0
    )


def queries(name: str, lang: str) -> Path:
    """The judged queries of a set, in the form that `bench.search.evaluate` reads."""
    return Path(__file__).parent / f"{name}_queries_{lang}.tsv"


def write(folder: Path) -> list[Path]:
    """Corpora of all sets in both languages, each followed by its queries."""
    written = []
    for name in SETS:
        for lang in LANGUAGES:
            corpus = folder / f"{name}_{lang}.jsonl"
            with corpus.open("w", encoding="utf-8") as lines:
                for entry in entries(name, lang):
                    content = entry.content
                    body = "\n".join([content.summary, markup.plain_text(content.body)])
                    held = {"id": entry.slug, "lang": lang, "title": content.title, "body": body}
                    lines.write(json.dumps(held, ensure_ascii=False) + "\n")
            written += [corpus, queries(name, lang)]
    return written


if __name__ == "__main__":
    write(Path(sys.argv[1]))
