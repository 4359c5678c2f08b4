"""Articles and terms as files hold them: a line of JSON, or Markdown with front matter. Texts in, entries out, and
back again to the same entries; no database and no folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import yaml

from app.articles.audience import Audience, audience
from app.articles.glossary import TermText
from app.articles.models import ARCHIVED, DRAFT, PUBLISHED
from app.articles.service import Content
from app.articles.slugs import checked
from app.cleaning import clean, clean_line
from app.errors import Refused
from app.words import N_
from knowledge_base.document import LANGUAGES

FENCE = "---\n"


@dataclass(frozen=True, slots=True)
class Entry:
    """One article in one language. `translation_of` is the slug of the same article in another language; category
    or audience None: as it is, or none and public for a new article."""

    slug: str
    lang: str
    content: Content
    category: str | None = None
    audience: Audience | None = None
    translation_of: str | None = None
    state: str = PUBLISHED


@dataclass(frozen=True, slots=True)
class TermEntry:
    """One term of the glossary in one language."""

    slug: str
    lang: str
    text: TermText


def from_json(line: str) -> Entry | TermEntry:
    """One line of JSONL. Raises `Refused` saying what is wrong with it."""
    try:
        held = json.loads(line)
    except (ValueError, RecursionError):
        raise Refused(N_("This is no JSON.")) from None
    if not isinstance(held, dict):
        raise Refused(N_("This is no JSON object."))
    return entry(held)


def from_markdown(text: str, *, lang: str | None, name: str) -> Entry | TermEntry:
    """A Markdown file with front matter. The file's name stands for a missing slug, its folder for a missing
    language. Raises `Refused`."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    if not text.startswith(FENCE):
        raise Refused(N_("The file has no front matter between two lines “---”."))
    head, fence, body = text[len(FENCE) :].partition("\n" + FENCE)
    if not fence and not (text + "\n").endswith("\n" + FENCE):
        raise Refused(N_("The file has no front matter between two lines “---”."))
    if not fence:
        head = head.removesuffix("\n---")
    try:
        held = yaml.safe_load(head)
    except (yaml.YAMLError, ValueError, RecursionError):
        raise Refused(N_("The front matter is no YAML.")) from None
    if not isinstance(held, dict):
        raise Refused(N_("The front matter is no YAML."))
    return entry({"lang": lang, "slug": name, **held, "body": body})


def entry(held: Mapping[Any, Any]) -> Entry | TermEntry:
    """An article or a term (it has `term`) from named values. Unknown names are passed over. Raises `Refused`."""
    lang = _line(held, "lang")
    if lang not in LANGUAGES:
        raise Refused(N_("“lang” must be one of %(known)s."), "lang", known=", ".join(LANGUAGES))
    slug = _line(held, "slug") or _line(held, "id")
    if not slug:
        raise Refused(N_("“%(name)s” is missing."), "slug", name="slug")
    checked(slug)
    if "term" in held:
        definition = _text(held, "definition") or _text(held, "body")
        words = TermText(_line(held, "term"), definition, _list(held, "also"), _list(held, "related"))
        return TermEntry(slug, lang, words)
    if not isinstance(held.get("body"), str):
        raise Refused(N_("“%(name)s” is missing."), "body", name="body")
    content = Content(
        _line(held, "title"), _line(held, "summary"), _list(held, "keywords"), _text(held, "body")
    )
    content.check()
    state = _line(held, "state") or PUBLISHED
    if state not in (DRAFT, PUBLISHED, ARCHIVED):
        raise Refused(N_("“state” must be draft, published or archived."), "state")
    return Entry(
        slug=slug,
        lang=lang,
        content=content,
        category=_line(held, "category") or None,
        audience=audience(_list(held, "audience")) if held.get("audience") else None,
        translation_of=_line(held, "translation_of") or None,
        state=state,
    )


def to_json(item: Entry | TermEntry) -> str:
    """The line that `from_json` reads to the same entry."""
    return json.dumps(_named(item), ensure_ascii=False)


def to_markdown(item: Entry | TermEntry) -> str:
    """The file that `from_markdown` reads to the same entry."""
    held = _named(item)
    body = held.pop("body")
    head = yaml.safe_dump(held, allow_unicode=True, sort_keys=False, width=10**9)
    return f"{FENCE}{head}{FENCE}{body}\n"


def _named(item: Entry | TermEntry) -> dict[str, Any]:
    if isinstance(item, TermEntry):
        text = item.text
        held: dict[str, Any] = {"slug": item.slug, "lang": item.lang, "term": text.term}
        held |= {"also": list(text.also), "related": list(text.related), "body": text.definition}
        return held
    tokens = item.audience.tokens if item.audience else ()
    optional = {
        "category": item.category,
        "summary": item.content.summary,
        "keywords": list(item.content.keywords),
        "audience": tokens[0] if len(tokens) == 1 else list(tokens),
        "translation_of": item.translation_of,
        "state": None if item.state == PUBLISHED else item.state,
    }
    held = {"slug": item.slug, "lang": item.lang, "title": item.content.title}
    return held | {name: value for name, value in optional.items() if value} | {"body": item.content.body}


def _line(held: Mapping[Any, Any], name: str) -> str:
    value = held.get(name)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float | date):
        raise Refused(N_("“%(name)s” must be a text."), name, name=name)
    return clean_line(str(value)) or ""


def _text(held: Mapping[Any, Any], name: str) -> str:
    value = held.get(name)
    return (clean(value) or "").strip("\n") if isinstance(value, str) else ""


def _list(held: Mapping[Any, Any], name: str) -> tuple[str, ...]:
    """A list of words; one text with commas will do."""
    value = held.get(name) or []
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, list):
        raise Refused(N_("“%(name)s” must be a list."), name, name=name)
    words = (_line({name: word}, name) for word in value)
    return tuple(dict.fromkeys(word for word in words if word))
