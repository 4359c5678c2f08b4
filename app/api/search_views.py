"""The search of the help centre as JSON, for programs and for judging it: public articles, or what a key's owner may see."""

from __future__ import annotations

import time
from typing import Any

from flask import Blueprint, request

from app.accounts.api_tokens import SCOPES
from app.api.door import Refusal, caller
from app.articles import categories, editions, finding, queries, synonyms
from app.articles.finding import Find
from app.articles.memory import memory_of
from app.cleaning import clean_line
from app.web import db, portal, problem

bp = Blueprint("search_api", __name__)

DEFAULT_LIMIT, MOST = 10, 50


@bp.get("/api/v1/search")
def search() -> Any:
    """`q`, `lang` (the portal's first language if missing), `limit` (1 to 50). Any `q` is answered; what goes beyond
    300 characters does not count. A wrong `lang` or `limit` is a problem document (RFC 9457) with status 400, a key
    that is not valid one with 401."""
    try:
        viewer = caller(*SCOPES)
    except Refusal as refusal:
        return refusal.answer
    lang = request.args.get("lang") or portal().languages[0]
    if lang not in portal().languages:
        return problem(
            400, "Unknown language", detail=f"lang must be one of {', '.join(portal().languages)}."
        )
    limit = request.args.get("limit") or str(DEFAULT_LIMIT)
    if not (limit.isascii() and limit.isdigit() and len(limit) < 4 and 1 <= int(limit) <= MOST):
        return problem(400, "Wrong limit", detail=f"limit must be a whole number from 1 to {MOST}.")
    q = (clean_line(request.args.get("q")) or "")[: finding.LONGEST]
    began = time.perf_counter()
    memory, numbers = memory_of(portal().database), editions.numbers(db())
    edition = numbers.get(editions.NAME, 0)
    where: dict[str, Any] = {
        "session": db(),
        "folder": portal().search_dir,
        "viewer": viewer,
        "text": q,
        "lang": lang,
        "limit": int(limit),
        "words": synonyms.kept(db(), memory, numbers.get(synonyms.COUNTER, 0)),
    }
    found = finding.find(**where)
    missing = memory.places.get((edition, lang), lambda: queries.missing_in(db(), lang))
    elsewhere = finding.find_elsewhere(**where, missing=missing)
    tree = categories.kept_tree(db(), memory, edition)
    took = (time.perf_counter() - began) * 1000
    return {
        "query": q,
        "lang": lang,
        "total": found.total,
        "took_ms": round(took, 2),
        "did_you_mean": found.did_you_mean,
        "results": [_named(find, tree) for find in found.finds],
        "fallback": [_named(find, tree) for find in elsewhere if find.lang in portal().languages],
    }


def _named(find: Find, tree: categories.Tree) -> dict[str, Any]:
    node = tree.by_id.get(find.category_id) if find.category_id is not None else None
    return {
        "slug": find.slug,
        "lang": find.lang,
        "title": find.title,
        "url": f"{portal().base_url}/{find.lang}/articles/{find.slug}",
        "snippet": find.snippet_html,
        "score": round(find.score, 4),
        "category": node.path if node else None,
    }
