"""Who may read what: every kind of reader against every kind of audience, at every door that shows articles."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask

from app.accounts.models import Membership, Segment, SegmentMember
from app.articles import categories, images
from app.articles.audience import audience
from app.now import now
from tests import factories
from tests.articles.makers import door, published
from tests.support.pages import Browser

AUDIENCES = {
    "public": ("public",),
    "customers": ("customers",),
    "werk-a": ("organisation:werk-a",),
    "werk-b": ("organisation:werk-b",),
    "gold": ("segment:gold",),
    "both": ("organisation:werk-b", "segment:gold"),
    "internal": ("internal",),
}
EVERYTHING = frozenset(AUDIENCES)
SEES = {
    "visitor": {"public"},
    "customer": {"public", "customers"},
    "of werk-a": {"public", "customers", "werk-a"},
    "of werk-b": {"public", "customers", "werk-b", "both"},
    "person of gold": {"public", "customers", "gold", "both"},
    "of a company of gold": {"public", "customers", "gold", "both", "werk-c"},
    "agent": EVERYTHING,
    "editor": EVERYTHING,
    "admin": EVERYTHING,
}
PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x02\x00\x00\x00\x90wS\xde"
    b"\x00\x00\x00\x0cIDATx\x9cc\xf8\xcf\xc0\x00\x00\x03\x01\x01\x00\xc9\xfe\x92\xef\x00\x00\x00\x00IEND\xaeB`\x82"
)


@dataclass
class World:
    readers: dict[str, Browser]
    media: dict[str, str]


@pytest.fixture
def world(
    app: Flask, visitor: Browser, sign_in: Callable[..., Browser], run_worker: Callable[[], int]
) -> World:
    """One article for each audience, one category each with only that article, and a reader of each kind."""
    import io

    portal = app.extensions["portal"]
    readers = {
        "visitor": visitor,
        **{role: sign_in(role) for role in ("agent", "editor", "admin")},
        **{name: sign_in("customer") for name in SEES if name not in ("visitor", "agent", "editor", "admin")},
    }
    with portal.database.session(write=True) as session:
        places = {name: factories.organisation(session, name) for name in ("werk a", "werk b", "werk c")}
        gold = Segment(slug="gold", name="Gold")
        session.add(gold)
        session.flush()
        for name, place in (
            ("of werk-a", "werk a"),
            ("of werk-b", "werk b"),
            ("of a company of gold", "werk c"),
        ):
            session.add(
                Membership(
                    organisation_id=places[place].id,
                    person_id=readers[name].person_id,
                    role="member",
                    created_at=now(),
                )
            )
        session.add(SegmentMember(segment_id=gold.id, person_id=readers["person of gold"].person_id))
        session.add(SegmentMember(segment_id=gold.id, organisation_id=places["werk c"].id))
        media = {}
        for name, tokens in AUDIENCES.items():
            made = categories.add(
                session,
                names={"de": f"Fach {name}", "en": f"Shelf {name}"},
                descriptions={},
                slug=f"shelf-{name}",
                parent_id=None,
                position=1,
                actor_id=None,
                now=now(),
            )
            text = published(
                session, f"Quittung {name}", slug=name, tokens=tokens, lang="en", category_id=made.id
            )
            picture = images.drawn(io.BytesIO(PNG))
            stored = images.store(portal.storage, picture)
            row = images.add(session, picture, stored, name="x.png", article_id=text.article_id, door=door())
            media[name] = f"/media/{row.id}/{row.name}"
        session.commit()
    run_worker()
    return World(readers, media)


pytestmark = pytest.mark.both_databases


@pytest.mark.parametrize("reader", SEES)
def test_each_reader_meets_exactly_her_articles(world: World, reader: str) -> None:
    browser, sees = world.readers[reader], SEES[reader] & EVERYTHING
    hidden = EVERYTHING - sees
    for name in sees:
        assert browser.visit(f"/en/articles/{name}").one("h1", text=f"Quittung {name}") is not None
        assert browser.visit(f"/en/categories/shelf-{name}").all("a", href=f"/en/articles/{name}")
        assert browser.get(world.media[name], buffered=True).status_code == 200
    for name in hidden:
        browser.visit(f"/en/articles/{name}", status=404)
        browser.visit(f"/en/categories/shelf-{name}", status=404)
        assert browser.get(world.media[name], buffered=True).status_code == 404
        vote = browser.post(
            f"/en/articles/{name}/vote", data={"helpful": "yes"}, headers={"Sec-Fetch-Site": "same-origin"}
        )
        assert vote.status_code == 404
    for path in ("/en/", "/en/search?q=Quittung", "/en/suggest?q=Quitt"):
        page = browser.visit(path)
        shown = {name for name in EVERYTHING if page.all("a", href=f"/en/articles/{name}")}
        bounded = shown if path.startswith("/en/suggest") else sees  # suggestions stop at six
        assert shown == (bounded & sees), path
        assert shown <= sees
    home = browser.visit("/en/")
    assert {name for name in EVERYTHING if home.all("a", href=f"/en/categories/shelf-{name}")} == sees
    search = browser.visit("/en/search?q=Quittung")
    assert f"{len(sees)} result" in search.text
    filters = {name for name in EVERYTHING if f"Shelf {name} " in search.text + " "}
    assert filters <= sees


def test_the_api_knows_public_articles_only(world: World) -> None:
    for reader in ("visitor", "admin"):
        found = json.loads(world.readers[reader].get("/api/v1/search?q=Quittung&lang=en&limit=50").data)
        assert [result["slug"] for result in found["results"]] == ["public"]
        assert found["total"] == 1


def test_the_index_lags_but_never_decides(app: Flask, world: World, run_worker: Any) -> None:
    """An article that becomes internal is gone from all doors before the worker told the index."""
    from sqlalchemy import select

    from app.articles import service
    from app.articles.models import ArticleText

    with app.extensions["portal"].database.session(write=True) as session:
        article_id = session.scalars(select(ArticleText.article_id).where(ArticleText.slug == "public")).one()
        service.settle(session, article_id, category_id=None, audience=audience(["internal"]), door=door())
        session.commit()
    browser = world.readers["visitor"]
    for path in ("/en/", "/en/search?q=Quittung", "/en/suggest?q=Quittung"):
        assert not browser.visit(path).all("a", href="/en/articles/public"), path
    assert json.loads(browser.get("/api/v1/search?q=Quittung&lang=en").data)["results"] == []
    run_worker()
    assert "Nothing found" in browser.visit("/en/search?q=Quittung").text


def test_related_articles_are_her_own(app: Flask, world: World) -> None:
    with app.extensions["portal"].database.session(write=True) as session:
        shared = categories.by_path(session, "shared", actor_id=None, now=now(), through="web")
        published(session, "Zeigt", slug="shows", lang="en", category_id=shared)
        published(session, "Offen", slug="open", lang="en", category_id=shared)
        published(session, "Geheim", slug="secret", lang="en", category_id=shared, tokens=("internal",))
        session.commit()
    page = world.readers["visitor"].visit("/en/articles/shows")
    assert page.all("a", href="/en/articles/open")
    assert not page.all("a", href="/en/articles/secret")
    assert world.readers["agent"].visit("/en/articles/shows").all("a", href="/en/articles/secret")
