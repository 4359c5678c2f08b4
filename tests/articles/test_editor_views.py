"""Where articles are written: saving, publishing, conflicts, drafts, images, rights; and what each change leaves in
the audit log."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from flask import Flask
from PIL import Image
from sqlalchemy import select

from app.accounts.models import Grant, Segment
from app.articles import categories
from app.articles.models import Article, ArticleText, Category, GlossaryTerm, Media, Revision
from app.articles.service import LONGEST_BODY
from app.audit import AuditEntry
from app.drafts import Draft
from app.now import now
from app.preferences import PreferenceRow
from tests import factories
from tests.articles.makers import BODY, draft, published
from tests.support.pages import Browser


def within(app: Flask, work: Callable[[Any], Any]) -> Any:
    with app.extensions["portal"].database.session(write=True) as session:
        done = work(session)
        session.commit()
        return done


def stored(app: Flask, table: Any, *conditions: Any) -> Any:
    return within(app, lambda session: session.scalars(select(table).where(*conditions)).one())


def actions(app: Flask) -> list[str]:
    return within(
        app, lambda session: list(session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)))
    )


def png(size: tuple[int, int] = (40, 30), kind: str = "PNG", **options: Any) -> io.BytesIO:
    made = io.BytesIO()
    Image.new("RGB", size, "red").save(made, kind, **options)
    made.seek(0)
    return made


@pytest.mark.both_databases
def test_writing_previewing_publishing(
    app: Flask, editor: Browser, visitor: Browser, run_worker: Callable[[], int]
) -> None:
    page = editor.visit("/admin/articles/new")
    page = editor.send(
        page, "/admin/articles/new", button="Save draft", lang="en", title="Send goods back", body="Use the **box**.",
        summary="Within 14 days.", keywords="return, refund,  return",
    )  # fmt: skip
    assert "Readers do not see this version yet" in page.text
    text = stored(app, ArticleText)
    assert (text.slug, text.state) == ("send-goods-back", "draft")
    assert stored(app, Revision).keywords == ["return", "refund"]
    visitor.visit("/en/articles/send-goods-back", status=404)
    shown = editor.post(
        "/admin/articles/preview?lang=en",
        data={"body": "Use the **box** and [read](other)."},
        headers={"X-CSRFToken": page.one("meta", name="csrf-token").get("content")},
    )
    assert shown.data.decode().strip() == (
        '<p>Use the <strong>box</strong> and <a href="/en/articles/other" rel="noopener noreferrer">read</a>.</p>'
    )
    page = editor.send(page, "Save draft", button="Publish")
    assert "The search will have it in a moment" in page.html
    assert "Use the box." in visitor.visit("/en/articles/send-goods-back").text
    run_worker()
    assert "the search has it" in editor.visit(f"/admin/articles/{text.article_id}/en/search-state").text
    assert visitor.visit("/en/search?q=refund").all("a", href="/en/articles/send-goods-back")
    assert actions(app) == ["article.create", "article.publish"]


def test_preview_without_javascript(app: Flask, editor: Browser) -> None:
    page = editor.visit("/admin/articles/new")
    form = {
        "csrf_token": page.one("meta", name="csrf-token").get("content"),
        "preview": "1",
        "title": "T",
        "body": "**b**",
        "lang": "en",
    }
    answer = editor.post("/admin/articles/new", data=form)
    assert answer.status_code == 200
    assert b"<strong>b</strong>" in answer.data
    assert b"**b**" in answer.data
    assert actions(app) == []


def test_faults_come_back_with_what_was_typed(app: Flask, editor: Browser) -> None:
    page = editor.visit("/admin/articles/new")
    for fields in (
        {"title": "", "body": "kept text"}, {"title": "x" * 10_000, "body": "kept text"},
        {"title": "T", "body": "kept text", "slug": "a/b"}, {"title": "T", "body": "kept text" + "x" * 2_000_000},
        {"title": "T", "body": "kept text", "audience": "listed"},
    ):  # fmt: skip
        again = editor.send(page, "/admin/articles/new", status=422, button="Publish", lang="en", **fields)
        assert "kept text" in (again.one("textarea", name="body").text or "")
        assert again.all("div", class_="summary")
    again = editor.send(
        page, "/admin/articles/new", status=422, button="Publish", lang="en", title="T", body=" "
    )
    assert "Write the text" in again.text
    again = editor.send(
        page, "/admin/articles/new", status=422, button="Publish", lang="en", title="T", body="x" * 2_000_000
    )
    assert str(LONGEST_BODY) in "".join(again.one("div", class_="summary").itertext())
    assert within(app, lambda session: session.scalars(select(Article)).all()) == []


def test_nul_bytes_are_taken_out(app: Flask, editor: Browser) -> None:
    page = editor.visit("/admin/articles/new")
    editor.send(page, "/admin/articles/new", button="Publish", lang="en", title="a\x00b", body="c\x00d")
    assert stored(app, Revision).body == "cd"


@pytest.mark.both_databases
def test_the_second_editor_sees_both_texts(app: Flask, sign_in: Callable[..., Browser]) -> None:
    ada, grace = sign_in("editor", name="Ada Lovelace"), sign_in("editor", name="Grace Hopper")
    article_id = within(app, lambda session: draft(session, "Rechnung").article_id)
    path = f"/admin/articles/{article_id}/de"
    hers = grace.visit(path)
    ada.send(ada.visit(path), "Save draft", button="Publish", body="Text von Ada")
    told = grace.send(hers, "Save draft", status=422, button="Publish", body="Text von Grace")
    assert "Somebody else saved this article meanwhile" in told.text
    assert "Ada Lovelace saved this meanwhile" in told.text
    assert "Text von Ada" in "".join(told.one("pre", class_="theirs").itertext())
    assert told.one("textarea", name="body").text.strip() == "Text von Grace"
    assert stored(app, ArticleText).latest_number == 2
    grace.send(told, "Save draft", button="Publish")
    bodies = within(
        app, lambda session: list(session.scalars(select(Revision.body).order_by(Revision.number)))
    )
    assert bodies == [BODY, "Text von Ada", "Text von Grace"]


def test_drafts_are_kept_shown_and_discarded(app: Flask, editor: Browser) -> None:
    article_id = within(app, lambda session: published(session, "Rechnung").article_id)
    path = f"/admin/articles/{article_id}/de"
    page = editor.visit(path)
    token = page.one("meta", name="csrf-token").get("content")
    typed = {
        "csrf_token": token,
        "title": "Rechnung",
        "body": "Halb fertig",
        "based_on": "1",
        "audience": "public",
        "category_id": "0",
        "slug": "rechnung",
    }
    assert editor.post(f"{path}/draft", data=typed).status_code == 204
    kept = stored(app, Draft)
    assert (kept.form, kept.fields["body"]) == (f"article:{article_id}:de", "Halb fertig")
    assert "csrf_token" not in kept.fields
    again = editor.visit(path)
    assert "This is your draft" in again.text
    assert again.one("textarea", name="body").text.strip() == "Halb fertig"
    clean = editor.send(again, "Discard", button="Discard")
    assert clean.one("textarea", name="body").text.strip() == BODY
    editor.post(f"{path}/draft", data=typed)
    editor.send(editor.visit(path), "Save draft", button="Save draft")
    assert within(app, lambda session: session.scalars(select(Draft)).all()) == []
    assert (
        editor.post("/admin/articles/new/draft", data={"csrf_token": token, "title": "Neu"}).status_code
        == 204
    )
    assert editor.visit("/admin/articles/new").one("input", name="title").get("value") == "Neu"


def test_readers_of_chosen_groups(app: Flask, editor: Browser, visitor: Browser) -> None:
    def make(session: Any) -> int:
        factories.organisation(session, "Werk A")
        session.add(Segment(slug="gold", name="Gold"))
        return published(session, "Rechnung").article_id

    article_id = within(app, make)
    path = f"/admin/articles/{article_id}/de"
    editor.send(
        editor.visit(path),
        "Save draft",
        button="Save draft",
        audience="listed",
        organisations=["werk-a"],
        segments=["gold"],
    )
    visitor.visit("/de/articles/rechnung", status=404)
    page = editor.visit(path)
    assert [
        e.get("value") for e in page.all("input", name="organisations") if e.get("checked") is not None
    ] == ["werk-a"]
    assert "article.settle" in actions(app)


def test_withdrawing_and_archiving(app: Flask, editor: Browser, visitor: Browser) -> None:
    article_id = within(app, lambda session: published(session, "Rechnung").article_id)
    path = f"/admin/articles/{article_id}/de"
    page = editor.send(editor.visit(path), "Withdraw", button="Withdraw")
    visitor.visit("/de/articles/rechnung", status=404)
    page = editor.send(page, "Archive", button="Archive")
    assert stored(app, ArticleText).state == "archived"
    editor.send(page, "Back to draft", button="Back to draft")
    assert stored(app, ArticleText).state == "draft"
    assert actions(app)[2:] == ["article.withdraw", "article.archive", "article.withdraw"]


def test_another_language_and_its_address(app: Flask, editor: Browser, visitor: Browser) -> None:
    article_id = within(app, lambda session: published(session, "Rechnung").article_id)
    page = editor.visit(f"/admin/articles/{article_id}/en")
    assert "New translation" in page.title
    editor.send(page, "Save draft", button="Publish", title="Invoice", body="Text")
    assert visitor.visit("/de/articles/rechnung").all("a", href="/en/articles/invoice")
    editor.visit(f"/admin/articles/{article_id}/fr", status=404)


def test_list_filters_and_pages(
    app: Flask, editor: Browser, statements: Callable[[], AbstractContextManager[list[str]]]
) -> None:
    def make(session: Any) -> None:
        place = categories.by_path(session, "obst", actor_id=None, now=now(), through="web")
        for n in range(30):
            published(session, f"Birne {n}", category_id=place)
        draft(session, "Apfel 100%", lang="en")

    within(app, make)
    editor.visit("/admin/articles")
    with statements() as sent:
        page = editor.visit("/admin/articles")
    assert len(sent) <= 8
    assert len(page.one("tbody").findall("tr")) == 25
    second = editor.follow(page, "Next")
    assert len(second.one("tbody").findall("tr")) == 6
    assert len(editor.follow(second, "Back").one("tbody").findall("tr")) == 25
    for query, rows in (
        ("q=100%25", 1),
        ("q=BIRNE+2", 11),
        ("state=draft", 1),
        ("lang=en", 1),
        ("category=obst&q=Birne+29", 1),
    ):
        assert len(editor.visit(f"/admin/articles?{query}").one("tbody").findall("tr")) == rows, query
    assert "No article fits" in editor.visit("/admin/articles?q=nothing").text
    editor.visit("/admin/articles?after=garbage&category=nothing&state=odd")


def test_who_may_not_write(app: Flask, visitor: Browser, customer: Browser, agent: Browser) -> None:
    article_id = within(app, lambda session: draft(session).article_id)
    for path in (
        "/admin/articles",
        "/admin/articles/new",
        f"/admin/articles/{article_id}/de",
        "/admin/categories",
        "/admin/glossary",
    ):
        for browser in (customer, agent):
            assert browser.get(path).status_code == 403, path
        assert visitor.get(path).status_code == 303


def limited(app: Flask, browser: Browser, path: str) -> None:
    def make(session: Any) -> None:
        grant = session.scalars(select(Grant).where(Grant.person_id == browser.person_id)).one()
        grant.category_id = categories.by_path(session, path, actor_id=None, now=now(), through="web")

    within(app, make)


def test_an_editor_of_one_category(app: Flask, editor: Browser) -> None:
    limited(app, editor, "obst")

    def make(session: Any) -> dict[str, int]:
        places = {
            path: categories.by_path(session, path, actor_id=None, now=now(), through="web")
            for path in ("obst", "obst/beeren", "gemuese")
        }
        return {
            "mine": draft(session, "Birne", category_id=places["obst"]).article_id,
            "below": draft(session, "Erdbeere", category_id=places["obst/beeren"]).article_id,
            "theirs": draft(session, "Lauch", category_id=places["gemuese"]).article_id,
            "none": draft(session, "Stein").article_id,
            "place": places["gemuese"],
        }

    ids = within(app, make)
    listed = editor.visit("/admin/articles").one("tbody")
    assert len(listed.findall("tr")) == 2
    for name in ("mine", "below"):
        path = f"/admin/articles/{ids[name]}/de"
        editor.send(editor.visit(path), "Save draft", button="Publish")
    for name in ("theirs", "none"):
        path = f"/admin/articles/{ids[name]}/de"
        editor.visit(path, status=404)
        page = editor.visit("/admin/articles/new")
        token = page.one("meta", name="csrf-token").get("content")
        for door in ("", "/state", "/draft"):
            answer = editor.post(
                path + door, data={"csrf_token": token, "to": "archived", "title": "x", "body": "y"}
            )
            assert answer.status_code == 404, door
    page = editor.visit("/admin/articles/new")
    offered = [o.get("value") for o in page.one("select", name="category_id").iter("option")]
    assert len(offered) == 2
    form = {
        "csrf_token": page.one("meta", name="csrf-token").get("content"),
        "title": "T",
        "body": "b",
        "lang": "de",
        "audience": "public",
    }
    for category in (str(ids["place"]), "0"):
        assert editor.post("/admin/articles/new", data={**form, "category_id": category}).status_code == 422


# --- images --------------------------------------------------------------------------------------------------------


def upload(
    browser: Browser,
    path: str,
    file: io.BytesIO | None,
    name: str = "Foto Büro.PNG",
    status: int = 200,
    **fields: Any,
) -> Any:
    page = browser.visit(path)
    files = {"image": (file, name)} if file is not None else {}
    return browser.send(page, "Save draft", status=status, button="Add the image", **files, **fields)


def test_an_image_is_drawn_anew_and_put_into_the_text(app: Flask, editor: Browser, visitor: Browser) -> None:
    article_id = within(app, lambda session: draft(session, "Rechnung").article_id)
    path = f"/admin/articles/{article_id}/de"
    exif = Image.Exif()
    exif[0x010E] = "secret place"
    page = upload(
        editor,
        path,
        png(kind="JPEG", exif=exif, comment=b"secret"),
        "../Foto Büro.jpg",
        image_alt="Ein [rotes] Bild",
        body="Mein Text",
    )
    row = stored(app, Media)
    assert (row.name, row.content_type, row.width, row.height) == ("foto-buero.jpg", "image/jpeg", 40, 30)
    held = app.extensions["portal"].storage.path(row.storage_key).read_bytes()
    assert b"secret" not in held
    assert (
        page.one("textarea", name="body").text.strip()
        == f"Mein Text\n\n![Ein  rotes  Bild](/media/{row.id}/foto-buero.jpg)"
    )
    assert "article.image" in actions(app)
    assert visitor.get(f"/media/{row.id}/foto-buero.jpg").status_code == 404
    answer = editor.get(f"/media/{row.id}/foto-buero.jpg", buffered=True)
    assert (answer.status_code, answer.mimetype) == (200, "image/jpeg")
    editor.send(page, "Save draft", button="Publish")
    shown = visitor.get(f"/media/{row.id}/foto-buero.jpg", buffered=True)
    assert shown.headers["Cache-Control"] == "private, no-cache"
    assert (
        visitor.get(
            f"/media/{row.id}/x", headers={"If-None-Match": shown.headers["ETag"]}, buffered=True
        ).status_code
        == 304
    )
    image = visitor.visit("/de/articles/rechnung").one("img")
    assert (image.get("src"), image.get("alt")) == (f"/media/{row.id}/foto-buero.jpg", "Ein  rotes  Bild")


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF", "JPEG"])
def test_the_four_formats(app: Flask, editor: Browser, kind: str) -> None:
    article_id = within(app, lambda session: draft(session).article_id)
    upload(editor, f"/admin/articles/{article_id}/de", png(kind=kind), image_decorative="y")
    assert stored(app, Media).content_type == f"image/{kind.lower()}"


def test_an_animation_stays_one(app: Flask, editor: Browser) -> None:
    article_id = within(app, lambda session: draft(session).article_id)
    made = io.BytesIO()
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "green", "blue")]
    frames[0].save(made, "GIF", save_all=True, append_images=frames[1:], duration=100, comment=b"secret")
    made.seek(0)
    upload(editor, f"/admin/articles/{article_id}/de", made, image_alt="x")
    path = app.extensions["portal"].storage.path(stored(app, Media).storage_key)
    with Image.open(path) as image:
        assert image.n_frames == 3
    assert b"secret" not in path.read_bytes()


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def huge() -> io.BytesIO:
    made = io.BytesIO()
    Image.new("1", (8000, 8000)).save(made, "PNG")
    made.seek(0)
    return made


@pytest.mark.parametrize(
    ("file", "fields", "said"),
    [
        (lambda: io.BytesIO(SVG), {"image_alt": "x"}, "no PNG"),
        (lambda: io.BytesIO(b"GIF89a broken"), {"image_alt": "x"}, "no PNG"),
        (lambda: io.BytesIO(png().getvalue()[:60]), {"image_alt": "x"}, "no PNG"),
        (lambda: png(kind="BMP"), {"image_alt": "x"}, "no PNG"),
        (huge, {"image_alt": "x"}, "million pixels"),
        (png, {}, "what the image shows"),
        (lambda: None, {"image_alt": "x"}, "Choose an image"),
    ],
)
def test_what_is_no_image_keeps_the_text(
    app: Flask, editor: Browser, file: Any, fields: dict[str, str], said: str
) -> None:
    article_id = within(app, lambda session: draft(session).article_id)
    page = upload(editor, f"/admin/articles/{article_id}/de", file(), status=422, body="Mein Text", **fields)
    assert said in page.text
    assert page.one("textarea", name="body").text.strip() == "Mein Text"
    folder = app.extensions["portal"].storage.folder
    assert not [path for path in folder.rglob("*") if path.is_file()]


def test_a_file_that_is_too_large(app: Flask, editor: Browser) -> None:
    article_id = within(app, lambda session: draft(session).article_id)
    within(app, lambda session: session.add(PreferenceRow(name="file_megabytes", value=0, changed_at=now())))
    page = upload(
        editor, f"/admin/articles/{article_id}/de", png(), status=422, image_alt="x", body="Mein Text"
    )
    assert "larger than 0 MB" in page.text
    assert page.one("textarea", name="body").text.strip() == "Mein Text"


# --- categories and glossary ---------------------------------------------------------------------------------------


@pytest.mark.both_databases
def test_categories(app: Flask, admin: Browser, visitor: Browser) -> None:
    page = admin.visit("/admin/categories/new")
    names = {"name-de": "Rechnungen", "name-en": "Invoices", "position": "7"}
    admin.send(page, "/admin/categories/new", **names)
    made = stored(app, Category)
    assert (made.path, made.position, made.name) == ("rechnungen", 7, {"de": "Rechnungen", "en": "Invoices"})
    assert "Another category" in admin.send(page, "/admin/categories/new", status=422, **names).text
    for wrong in ({"name-de": ""}, {"slug": "A B"}, {"position": "-1"}, {"name-de": "x" * 81}):
        admin.send(page, "/admin/categories/new", status=422, **{**names, **wrong})
    below = admin.visit("/admin/categories/new")
    admin.send(below, "/admin/categories/new", **{**names, "name-de": "Mahnung", "parent_id": str(made.id)})
    child = stored(app, Category, Category.parent_id == made.id)
    assert child.path == "rechnungen/mahnung"
    text = within(app, lambda session: published(session, "Mahnung", category_id=child.id))
    page = admin.visit(f"/admin/categories/{made.id}")
    admin.send(page, "Save", slug="geld")
    assert stored(app, Category, Category.id == child.id).path == "geld/mahnung"
    assert visitor.visit("/de/categories/geld/mahnung").all("a", href=f"/de/articles/{text.slug}")
    for full in (made.id, child.id):
        assert "first" in admin.send(admin.visit(f"/admin/categories/{full}"), "deletion", status=422).text
    within(app, lambda session: session.delete(session.get_one(Article, text.article_id)))
    admin.send(admin.visit(f"/admin/categories/{child.id}"), "deletion")
    assert stored(app, Category).id == made.id
    assert [action for action in actions(app) if action.startswith("category")] == [
        "category.create", "category.create", "category.change", "category.delete",
    ]  # fmt: skip
    admin.visit("/admin/categories")
    admin.visit("/admin/categories/4711", status=404)


def test_a_category_cannot_be_moved_below_itself_or_too_deep(app: Flask) -> None:
    from app.errors import Refused

    def make(session: Any) -> None:
        made = {
            path: categories.by_path(session, path, actor_id=None, now=now(), through="web")
            for path in ("a", "a/b", "x", "x/y", "x/y/z")
        }
        common = {"names": {"de": "n"}, "descriptions": {}, "position": 1, "actor_id": None, "now": now()}
        with pytest.raises(Refused, match="below itself"):
            categories.change(session, made["a"], slug="a", parent_id=made["a/b"], **common)
        with pytest.raises(Refused, match="levels deep"):
            categories.change(session, made["x"], slug="x", parent_id=made["a/b"], **common)
        with pytest.raises(Refused, match="levels deep"):
            categories.by_path(session, "1/2/3/4/5", actor_id=None, now=now(), through="web")

    within(app, make)


@pytest.mark.both_databases
def test_glossary(app: Flask, editor: Browser, visitor: Browser) -> None:
    page = editor.visit("/admin/glossary/new?lang=en")
    fields = {"term": "Äpfel", "definition": "Fruit.", "also": "apple, apples,", "related": "pear"}
    editor.send(page, "/admin/glossary/new", **fields)
    row = stored(app, GlossaryTerm)
    assert (row.lang, row.slug, row.also, row.related, row.sort_key) == (
        "en",
        "aepfel",
        ["apple", "apples"],
        ["pear"],
        "apfel",
    )
    assert "already" in editor.send(page, "/admin/glossary/new", status=422, **fields).text
    editor.send(page, "/admin/glossary/new", status=422, **{**fields, "term": ""})
    editor.send(editor.visit(f"/admin/glossary/{row.id}"), "Save", definition="Sweet fruit.")
    assert "Sweet fruit." in visitor.visit("/en/glossary").text
    assert len(editor.visit("/admin/glossary?lang=en&q=apf").one("tbody").findall("tr")) == 1
    assert "No term found" in editor.visit("/admin/glossary?lang=de").text
    editor.send(editor.visit(f"/admin/glossary/{row.id}"), "deletion")
    assert "No terms yet" in visitor.visit("/en/glossary").text
    assert actions(app) == ["glossary.create", "glossary.change", "glossary.delete"]
    editor.visit("/admin/glossary/4711", status=404)
