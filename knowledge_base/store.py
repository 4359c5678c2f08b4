"""How documents lie in Whoosh, and how the postings of one Whoosh segment are read into arrays.

The only place that knows the Whoosh schema. A segment never changes, so what was read of it is kept beside it.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from whoosh.fields import ID, STORED, TEXT, Schema
from whoosh.filedb.filestore import FileStorage
from whoosh.formats import Positions
from whoosh.index import FileIndex

from knowledge_base import arrayfile
from knowledge_base.analysis import WordAnalyzer, clean, title_key, words
from knowledge_base.arrayfile import Arrays, Strings
from knowledge_base.document import LANGUAGES, Document

INDEX_NAME = "kb"
FIELDS = ("title", "keywords", "headings", "summary", "body")
PARAGRAPH = "\n\n"
_WRITER_MEMORY = 48  # MiB Whoosh may fill before it sorts to disk
_BREAK = re.compile(r"\s*\n\s*\n\s*")


def schema() -> Schema:
    """One text field for each language and part of an article, words with positions; all else is stored."""
    made = Schema(key=ID(unique=True, stored=True), facts=STORED)
    for lang in LANGUAGES:
        for name in FIELDS:
            field = TEXT(analyzer=WordAnalyzer(), phrase=True)
            field.format = Positions()
            made.add(f"{name}_{lang}", field)
    return made


def created(directory: Path) -> FileIndex:
    """A new, empty Whoosh index."""
    return FileIndex.create(FileStorage(str(directory)), schema(), INDEX_NAME)


def opened(directory: Path, *, copied: bool = True) -> FileIndex:
    """The Whoosh index there. Whoosh copies its files into memory, where a writer reads them from end to end; a search
    only fetches some stored texts and leaves the rest on the disk (not `copied`)."""
    storage = FileStorage(str(directory), supports_mmap=copied)
    return FileIndex(storage, schema=schema(), indexname=INDEX_NAME)


@contextmanager
def writing(whoosh: FileIndex, timeout: float, *, optimise: bool = False) -> Iterator[Any]:
    """A Whoosh writer that commits at the end, or takes everything back."""
    writer = whoosh.writer(timeout=timeout, delay=0.02, limitmb=_WRITER_MEMORY)
    try:
        yield writer
    except BaseException:
        writer.cancel()
        raise
    writer.commit(optimize=optimise)


def fields_of(document: Document) -> dict[str, Any]:
    """What `writer.update_document` takes for `document`."""
    if document.lang not in LANGUAGES:
        raise ValueError(f"unknown language {document.lang!r}")
    sections, body = [], []
    length = 0
    for section in document.sections:
        text = clean(section.text).strip()
        sections.append((section.anchor, clean(section.heading), length))
        body.append(text)
        length += len(text) + len(PARAGRAPH)
    joined = PARAGRAPH.join(body)
    texts = {
        "title": clean(document.title),
        "keywords": PARAGRAPH.join(map(clean, document.keywords)),
        "headings": PARAGRAPH.join(heading for _, heading, _ in sections),
        "summary": clean(document.summary),
        "body": joined,
    }
    facts = {
        "key": document.key,
        "lang": document.lang,
        "slug": document.slug,
        "title": texts["title"],
        "summary": texts["summary"],
        "keywords": texts["keywords"],
        "sections": sections,
        "body": joined,
        "starts": {name: _starts(texts[name]) for name in ("title", "headings", "summary", "body")},
        "category": document.category,
        "audiences": sorted(document.audiences),
        "updated_at": document.updated_at,
        "prior": (float(document.popularity), float(document.helpful)),
    }
    given = {f"{name}_{document.lang}": text for name, text in texts.items() if text}
    return {"key": str(document.key), "facts": facts, **given}


def _starts(text: str) -> bytes:
    """Where each word of `text` begins, by position, as 32-bit numbers."""
    return np.array([w.start for w in words(text) if not w.whole], np.uint32).tobytes()


def stored_text(facts: dict[str, Any]) -> Iterator[str]:
    """Every text of a stored document, for a search by plain containment."""
    for name in ("slug", "title", "summary", "keywords", "body", "category"):
        yield facts[name]
    for anchor, heading, _ in facts["sections"]:
        yield anchor
        yield heading
    yield from facts["audiences"]


def segment_arrays(reader: Any, folder: Path, keep: bool) -> tuple[Arrays, dict[str, Any]]:
    """The occurrences and facts of one segment: from the file beside it, or read from Whoosh (and kept there).

    Arrays per language: `<lang>.words` (+ `_at`), and one row an occurrence, in the order of the text:
    `<lang>.word` (number in words), `.doc` (Whoosh number in the segment), `.field`, `.position`.
    """
    path = folder / f"{reader.segment().segment_id()}.occurrences"
    try:
        return arrayfile.read(path)
    except arrayfile.BadArrayFile:
        arrays, facts = _read_segment(reader)
    if keep:
        arrayfile.write(path, arrays, facts)
    return arrays, facts


def _read_segment(reader: Any) -> tuple[Arrays, dict[str, Any]]:
    arrays: Arrays = {}
    for lang in LANGUAGES:
        numbers: dict[str, int] = {}
        rows = array("i")  # four numbers an occurrence; millions of tuples would fill the memory
        for field_number, name in enumerate(FIELDS):
            for term in reader.lexicon(f"{name}_{lang}"):
                text = term.decode("utf-8")
                word = numbers.setdefault(text, len(numbers))
                matcher = reader.postings(f"{name}_{lang}", term)
                while matcher.is_active():
                    doc = matcher.id()
                    for at in matcher.value_as("positions"):
                        rows.extend((doc, field_number, at, word))
                    matcher.next()
        table = np.frombuffer(rows, np.int32).reshape(-1, 4) if rows else np.zeros((0, 4), np.int32)
        # At one position the whole of a tied chain comes before its first part: it is the longer one.
        shorter = -np.array([len(text) for text in numbers], np.int32)[table[:, 3]] if rows else table[:, 3]
        table = table[np.lexsort((shorter, table[:, 2], table[:, 1], table[:, 0]))]
        arrays[f"{lang}.words"], arrays[f"{lang}.words_at"] = Strings.pack(numbers)
        for column, name in enumerate(("doc", "field", "position", "word")):
            arrays[f"{lang}.{name}"] = np.ascontiguousarray(table[:, column])
    return arrays, {"documents": [_facts(reader, doc) for doc in range(reader.doc_count_all())]}


def _facts(reader: Any, doc: int) -> dict[str, Any]:
    facts = reader.stored_fields(doc)["facts"]
    kept = {name: facts[name] for name in ("key", "lang", "category", "audiences", "prior")}
    return {**kept, "title": title_key(facts["title"], facts["lang"])}
