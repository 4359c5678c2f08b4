"""The help centre as readers see it: home, search, articles, categories, glossary, votes, images."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, redirect, render_template, request, send_file
from flask_login import current_user

from app import searchlog_views
from app.articles import categories, editions, finding, forms, glossary, queries, rendering, synonyms, votes
from app.articles.categories import Tree
from app.articles.memory import Memory, memory_of
from app.articles.queries import Reading
from app.cleaning import clean_line
from app.errors import NotVisible, Throttled
from app.i18n import language
from app.now import now
from app.web import (
    commit,
    count_tries,
    db,
    network,
    observe_later,
    portal,
    preferences,
    remember_by_etag,
    see,
    without_token,
)
from config import SUPPORTED_LANGUAGES
from knowledge_base.synonyms import SynonymSet

bp = Blueprint("articles", __name__)

LANG = f"/<any({', '.join(SUPPORTED_LANGUAGES)}):lang>"
HITS = 10
LAST_PAGE = 100
LONGEST_KEPT_ADDRESS = 300
MINUTES_KEPT = 5  # views and votes move the order of lists this often


@bp.url_value_preprocessor
def _known_language(endpoint: str | None, values: dict[str, Any] | None) -> None:
    if values and "lang" in values and values["lang"] not in portal().languages:
        raise NotVisible


@bp.get("/")
def start() -> Any:
    return redirect(f"/{language()}/", 302)


@bp.get(f"{LANG}/")
def home(lang: str) -> Any:
    edition = editions.current(db())

    def made() -> str:
        tree = categories.kept_tree(db(), _memory(), edition)
        return _html("home", lists=_lists(lang, edition, tree), tree=tree)

    return _kept(edition, made)


def _lists(lang: str, edition: int, tree: Tree) -> queries.Home:
    """What this reader's home page lists, kept for all who may read the same."""
    key = (edition, _moment(), lang, queries.readership(current_user))
    return _memory().homes.get(key, lambda: queries.home(db(), current_user, lang, tree))


# --- searching -----------------------------------------------------------------------------------------------------


@bp.get(f"{LANG}/search")
def search(lang: str) -> Any:
    typed = clean_line(request.args.get("q")) or ""
    q, wanted = typed[: finding.LONGEST], request.args.get("category") or None
    memory, numbers = _memory(), editions.numbers(db())
    edition = numbers.get(editions.NAME, 0)
    tree = categories.kept_tree(db(), memory, edition)
    inside = tree.by_path.get(wanted) if wanted else None
    number = _number(request.args.get("page"))
    where = _where(lang, synonyms.kept(db(), memory, numbers.get(synonyms.COUNTER, 0))) | {"text": q}
    found = finding.find(
        **where, category=inside.path if inside else None, offset=HITS * (number - 1), limit=HITS
    )
    everywhere = finding.find(**where, limit=1).keys if inside else found.keys
    places = memory.places.get(edition, lambda: queries.places(db()))
    term = glossary.kept_glossary(db(), memory, edition, lang).find(q) if number == 1 else None
    if number == 1 and not inside:
        searchlog_views.note_search(lang, typed, found.total + bool(term))
    page = _html(
        "search",
        q=q,
        cut=len(typed) > len(q),
        found=found,
        tree=tree,
        inside=inside,
        filters=_filters(everywhere, places, tree),
        elsewhere=finding.find_elsewhere(**where, limit=3, missing=_missing_in(lang, edition))
        if number == 1
        else (),
        popular=() if found.total or not q else _lists(lang, edition, tree).popular,
        term=term,
        page=number,
        pages=min(LAST_PAGE, math.ceil(found.total / HITS)),
        address=lambda **changed: _search_address(lang, {"q": q, "category": wanted, **changed}),
        page_address=lambda n: _search_address(lang, {"q": q, "category": wanted, "page": n}),
    )
    return _sent(page)


@bp.get(f"{LANG}/suggest")
def suggest(lang: str) -> Any:
    q = (clean_line(request.args.get("q")) or "")[: finding.LONGEST]
    folder, memory = portal().search_dir, _memory()
    items, total = finding.suggest(db(), folder, current_user, q, lang=lang, memory=memory)
    return render_template(
        "articles/suggest.html", q=q, items=items, total=total, all_url=_search_address(lang, {"q": q})
    )


def _missing_in(lang: str, edition: int) -> frozenset[int]:
    return _memory().places.get((edition, lang), lambda: queries.missing_in(db(), lang))


def _where(lang: str, words: SynonymSet) -> dict[str, Any]:
    """Where, for whom and with which kept words is searched."""
    return {
        "session": db(),
        "folder": portal().search_dir,
        "viewer": current_user._get_current_object(),
        "lang": lang,
        "words": words,
    }


def _filters(keys: tuple[int, ...], places: dict[int, int], tree: Tree) -> list[tuple[Any, int]]:
    """The top categories in which something was found, with how much, most first."""
    counts: dict[int, int] = {}
    for category_id, count in finding.by_category(keys, places).items():
        top = tree.top(category_id)
        if top is not None:
            counts[top] = counts.get(top, 0) + count
    return sorted(((tree.by_id[top], n) for top, n in counts.items()), key=lambda pair: -pair[1])


def _search_address(lang: str, values: dict[str, Any]) -> str:
    """The stable address of a search; what has its ordinary value is left out."""
    kept = {name: value for name, value in values.items() if value and not (name == "page" and value == 1)}
    return f"/{lang}/search?{urlencode(kept)}"


# --- reading -------------------------------------------------------------------------------------------------------


@bp.get(f"{LANG}/articles/<slug>")
def article(lang: str, slug: str) -> Any:
    reading = queries.article(db(), current_user, lang, slug)
    if reading is None:
        return _missing(lang, slug)
    observe_later(lambda light: votes.seen(light, reading.id))
    viewer, folder, memory = current_user._get_current_object(), portal().search_dir, _memory()
    searchlog_views.note_opened(
        lambda light, text: finding.rank_of(
            folder, viewer, text, reading.id, lang=lang, words=synonyms.kept(light, memory)
        )
    )
    return _article(lang, reading, voted=request.args.get("vote"))


def _article(
    lang: str, reading: Reading, form: forms.VoteForm | None = None, *, voted: str | None = None
) -> Any:
    """The page of an article; `form` is a vote that was sent with faults."""
    edition = editions.current(db())

    def made() -> str:
        memory = _memory()
        others = queries.translations(db(), reading.article_id)
        return _html(
            "article",
            article=reading,
            text=rendering.kept_page(db(), memory, reading, lang),
            trail=categories.kept_tree(db(), memory, edition).trail(reading.category_id),
            related=queries.related(db(), current_user, lang, reading),
            vote=_vote_section(lang, reading, form, voted if voted in ("counted", "again") else None),
            alternate_urls={
                other: f"/{other}/articles/{slug}"
                for other, slug in others.items()
                if other != lang and other in portal().languages
            },
        )

    return _kept(edition, made)


def _vote_section(lang: str, reading: Reading, form: forms.VoteForm | None, voted: str | None) -> str:
    """The question at the foot of an article. Before it is answered it is the same for all readers, and kept."""

    def made() -> str:
        return render_template(
            "articles/vote.html", article=reading, form=form or forms.VoteForm(), voted=voted
        )

    return made() if form or voted else _memory().pages.get(("vote", lang, reading.slug), made)


def _missing(lang: str, slug: str) -> Any:
    """The present address of a moved article; else 404, with the article in another language if there is one."""
    present = queries.moved_to(db(), current_user, lang, slug)
    if present is not None:
        return redirect(f"/{lang}/articles/{present}", 301)
    others = [
        found
        for found in queries.in_other_languages(db(), current_user, lang, slug)
        if found[0] in portal().languages
    ]
    return render_template("articles/missing.html", others=others), 404


@bp.post(f"{LANG}/articles/<slug>/vote")
@without_token
def vote(lang: str, slug: str) -> Any:
    reading = queries.article(db(), current_user, lang, slug)
    if reading is None:
        raise NotVisible
    form = forms.VoteForm()
    if not form.validate():
        return _article(lang, reading, form), 422
    result = _cast(reading, form)
    if request.headers.get("HX-Request"):
        return render_template("articles/voted.html", voted=result)
    return see(f"/{lang}/articles/{slug}?vote={result}#vote")


def _cast(reading: Reading, form: forms.VoteForm) -> str:
    try:
        count_tries((votes.ONE_A_DAY, f"{network()}|{reading.article_id}"))
    except Throttled:
        return "again"
    votes.cast(
        db(),
        text_id=reading.id,
        article_id=reading.article_id,
        helpful=form.helpful.data == "yes",
        reason=form.reason.data or None,
        comment=form.comment.data,
        now=now(),
    )
    commit()
    return "counted"


@bp.get(f"{LANG}/categories/<path:path>")
def category(lang: str, path: str) -> Any:
    edition = editions.current(db())
    tree = categories.kept_tree(db(), _memory(), edition)
    node = tree.by_path.get(path)
    if node is None:
        raise NotVisible
    number = _number(request.args.get("page"))

    def made() -> str:
        lines, total = queries.in_category(db(), current_user, lang, node.id, page=number)
        sections = queries.sections(db(), current_user, lang, tree, node.id)
        if not lines and (number > 1 or not sections):
            raise NotVisible  # a category without anything this reader may see does not exist for her
        others = {code: f"/{code}/categories/{path}" for code in portal().languages if code != lang}
        return _html(
            "category",
            node=node,
            trail=tree.trail(node.id),
            tree=tree,
            lines=lines,
            sections=sections if number == 1 else [],
            page=number,
            pages=math.ceil(total / queries.PAGE),
            page_address=lambda n: f"/{lang}/categories/{path}" + (f"?page={n}" if n > 1 else ""),
            alternate_urls=others,
        )

    return _kept(edition, made)


@bp.get(f"{LANG}/glossary")
def terms(lang: str) -> Any:
    edition = editions.current(db())

    def made() -> str:
        known = glossary.kept_glossary(db(), _memory(), edition, lang)
        q = (clean_line(request.args.get("q")) or "")[: finding.LONGEST]
        return _html("glossary", glossary=known, q=q, matching=known.matching(q) if q else None)

    return _kept(edition, made)


@bp.get("/media/<int:number>/<name>")
def media(number: int, name: str) -> Any:
    found = queries.image(db(), current_user, number)
    if found is None and current_user.may("articles.edit"):
        found = queries.any_image(db(), number)
    if found is None:
        raise NotVisible
    path = portal().storage.path(found.storage_key)
    if not path.is_file():
        raise NotVisible
    response = send_file(path, mimetype=found.content_type, etag=found.sha256, conditional=True)
    response.headers["Cache-Control"] = "private, no-cache"  # who may see it is asked every time
    response.headers["Content-Disposition"] = "inline"
    return response


# --- in common -----------------------------------------------------------------------------------------------------


def _html(name: str, **values: Any) -> str:
    return render_template(f"articles/{name}.html", **values)


def _sent(html: str) -> Any:
    return html if current_user.is_authenticated else remember_by_etag(html)


def _kept(edition: int, made: Callable[[], str]) -> Any:
    """A page that is the same for all visitors without a cookie, made once an edition and every few minutes.

    Whatever it shows beside its address must be named in the key: articles by the edition, settings by theirs.
    """
    shared = request.method in ("GET", "HEAD") and not request.cookies and not current_user.is_authenticated
    if not shared or len(request.full_path) > LONGEST_KEPT_ADDRESS:
        return _sent(made())
    key = (edition, _moment(), preferences().fingerprint, request.full_path)
    return _sent(_memory().visited.get(key, made))


def _moment() -> int:
    """A number that changes every few minutes."""
    return int(now().timestamp()) // (60 * MINUTES_KEPT)


def _memory() -> Memory:
    return memory_of(portal().database)


def _number(typed: str | None) -> int:
    """A page's number as typed in an address; what is none is the first page."""
    return (
        min(int(typed), LAST_PAGE)
        if typed and typed.isascii() and typed.isdigit() and len(typed) < 6 and int(typed)
        else 1
    )
