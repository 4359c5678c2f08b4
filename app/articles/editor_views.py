"""Where articles are written: list, editor with preview, publishing, images, drafts."""

from __future__ import annotations

import logging
from typing import Any

from flask import Blueprint, abort, flash, render_template, request
from flask_babel import gettext
from flask_login import current_user
from werkzeug.datastructures import MultiDict

from app import drafts
from app.access import needs
from app.accounts.forms import choices
from app.articles import categories, editing, images, indexing, rendering, service
from app.articles.audience import Audience, audience
from app.articles.editing import Editing
from app.articles.forms import AUDIENCES, ArticleForm, NewArticleForm
from app.articles.models import ARCHIVED, DRAFT, LISTED, Article
from app.articles.service import LONGEST_BODY, Content, Door
from app.articles.slugs import slug_of
from app.cleaning import clean, clean_line
from app.errors import Conflict, NotVisible, Refused
from app.i18n import NATIVE_NAMES, language
from app.now import now
from app.web import commit, db, portal, preferences, release, see
from app.words import N_

bp = Blueprint("articles_admin", __name__)
log = logging.getLogger(__name__)

BUTTONS = ("csrf_token", "action", "preview", "upload", "discard")
MANY = ("organisations", "segments")  # fields with several values; a draft keeps them one a line


@bp.get("/admin/articles")
@needs("articles.edit")
def listing() -> str:
    tree = categories.tree(db())
    wanted = {name: (request.args.get(name) or "")[:200] for name in ("q", "state", "lang", "category")}
    inside = tree.by_path.get(wanted["category"])
    found = editing.listed(
        db(),
        current_user,
        tree,
        q=clean_line(wanted["q"]) or "",
        state=wanted["state"],
        lang=wanted["lang"],
        category_id=inside.id if inside else None,
        before=request.args.get("before"),
        after=request.args.get("after"),
    )
    return render_template(
        "admin/articles/list.html",
        page=found,
        wanted=wanted,
        tree=tree,
        places=editing.places(current_user, tree),
        readers=AUDIENCES,
    )


@bp.route("/admin/articles/new", methods=["GET", "POST"])
@needs("articles.edit")
def new() -> Any:
    form = _form(NewArticleForm, Audience("public"), "article:new", {})
    if "preview" in request.form:
        return _new_page(form, preview=True)
    if form.validate_on_submit():
        try:
            text = service.create(
                db(),
                lang=form.lang.data,
                slug=form.slug.data or "",
                content=_content(form),
                category_id=_chosen_category(form),
                audience=_audience(form),
                door=_door(),
            )
            if request.form.get("action") == "publish":
                _publish(text, form)
        except Refused as refused:
            release()
            form.refuse(refused)
        else:
            drafts.discard(db(), current_user.person_id, "article:new")
            return _done(text.article_id, text.lang)
    return _new_page(form), (422 if request.method == "POST" else 200)


@bp.get("/admin/articles/<int:article_id>/<text_lang>")
@needs("articles.edit")
def edit(article_id: int, text_lang: str) -> str:
    found = _editing(article_id, text_lang)
    return _edit_page(found, _form(ArticleForm, found.audience, _draft_name(found), _stored(found)))


@bp.post("/admin/articles/<int:article_id>/<text_lang>")
@needs("articles.edit")
def save(article_id: int, text_lang: str) -> Any:
    found = _editing(article_id, text_lang)
    form = _form(ArticleForm, found.audience, _draft_name(found), {})
    if "preview" in request.form:
        return _edit_page(found, form, preview=True)
    if "upload" in request.form:
        return _upload(found, form)
    theirs = None
    if form.validate():
        try:
            _keep(found, form)
        except Refused as refused:
            release()
            form.refuse(refused)
            if isinstance(refused, Conflict) and refused.field is None:
                found = _editing(article_id, text_lang)
                theirs = _take_their_number(found, form)
        else:
            return _done(article_id, text_lang)
    return _edit_page(found, form, theirs=theirs), 422


@bp.post("/admin/articles/<int:article_id>/<text_lang>/state")
@needs("articles.edit")
def state(article_id: int, text_lang: str) -> Any:
    found = _editing(article_id, text_lang)
    to = request.form.get("to")
    if found.text is None or to not in (DRAFT, ARCHIVED):
        abort(400)
    service.withdraw(db(), service.text_of(db(), article_id, text_lang), to=to, door=_door())
    commit()
    if to == DRAFT:
        flash(gettext("Withdrawn. Readers no longer see this text."), "ok")
    else:
        flash(gettext("Archived. Readers no longer see this text."), "ok")
    return see(f"/admin/articles/{article_id}/{text_lang}")


@bp.get("/admin/articles/<int:article_id>/<text_lang>/search-state")
@needs("articles.edit")
def search_state(article_id: int, text_lang: str) -> str:
    found = _editing(article_id, text_lang)
    return render_template("admin/articles/search_state.html", editing=found, awaits=_awaits(found))


@bp.post("/admin/articles/preview")
@needs("articles.edit")
def preview() -> str:
    return rendering.page((clean(request.form.get("body")) or "")[:LONGEST_BODY], _asked_lang()).html


@bp.post("/admin/articles/<int:article_id>/<text_lang>/draft")
@needs("articles.edit")
def draft(article_id: int, text_lang: str) -> Any:
    return _draft(_draft_name(_editing(article_id, text_lang)), f"/admin/articles/{article_id}/{text_lang}")


@bp.post("/admin/articles/new/draft")
@needs("articles.edit")
def new_draft() -> Any:
    return _draft("article:new", "/admin/articles/new")


# The language of a text is not called `lang` in addresses here: that would be the language of the page around it.

# --- forms and what is stored --------------------------------------------------------------------------------------


def _editing(article_id: int, lang: str) -> Editing:
    if lang not in portal().languages:
        raise NotVisible
    return editing.editing(db(), current_user, categories.tree(db()), article_id, lang)


def _form(kind: type[ArticleForm], chosen: Audience, name: str, stored: dict[str, Any]) -> Any:
    """The form with what was sent, else with the person's draft, else with what is stored."""
    form = kind(data=stored)
    if request.method == "GET" and (kept := drafts.load(db(), current_user.person_id, name)):
        form = kind(formdata=_restored(kept.fields))
        form.kept_at = kept.saved_at
    tree = categories.tree(db())
    labels = {node.id: "\u00a0\u00a0" * depth + node.name(language()) for depth, node in tree.walk()}
    offered = {
        place: labels.get(place) or gettext("No category") for place in editing.places(current_user, tree)
    }
    form.offer(offered, *editing.groups(db(), chosen))
    if "lang" in form:
        form.lang.choices = choices({code: NATIVE_NAMES[code] for code in portal().languages})
    return form


def _stored(found: Editing) -> dict[str, Any]:
    shared = {
        "category_id": found.category_id or 0,
        "audience": found.audience.kind,
        "organisations": sorted(found.audience.organisations),
        "segments": sorted(found.audience.segments),
    }
    if found.text is None:
        return shared | {"based_on": 0}
    content = found.text.content
    return shared | {
        "based_on": found.text.latest_number,
        "title": content.title,
        "slug": found.text.slug,
        "summary": content.summary,
        "keywords": ", ".join(content.keywords),
        "body": content.body,
    }


def _content(form: ArticleForm) -> Content:
    keywords = (clean_line(word) for word in (form.keywords.data or "").replace("\n", ",").split(","))
    return Content(
        form.title.data or "",
        clean_line(form.summary.data) or "",
        tuple(dict.fromkeys(word for word in keywords if word)),
        (form.body.data or "").strip("\n"),
    )


def _audience(form: ArticleForm) -> Audience:
    if form.audience.data != LISTED:
        return audience([form.audience.data])
    groups = [f"organisation:{slug}" for slug in form.organisations.data or ()]
    groups += [f"segment:{slug}" for slug in form.segments.data or ()]
    return audience(groups)


def _chosen_category(form: ArticleForm) -> int | None:
    return form.category_id.data or None  # only what she may edit is among the choices


def _keep(found: Editing, form: ArticleForm) -> None:
    if found.text is None:
        article = db().get_one(Article, found.article_id)
        content, door = _content(form), _door()
        text = service.add_text(
            db(), article, lang=found.lang, slug=form.slug.data or "", content=content, door=door
        )
    else:
        text = service.text_of(db(), found.article_id, found.lang)
        service.save(
            db(),
            text,
            _content(form),
            slug=form.slug.data or "",
            based_on=form.based_on.data or 0,
            door=_door(),
        )
    service.settle(
        db(),
        found.article_id,
        category_id=_chosen_category(form),
        audience=_audience(form),
        door=_door(),
    )
    if request.form.get("action") == "publish":
        _publish(text, form)
    drafts.discard(db(), current_user.person_id, _draft_name(found))


def _publish(text: Any, form: ArticleForm) -> None:
    if not (form.body.data or "").strip():
        raise Refused(N_("Write the text before you publish it."), "body")
    service.publish(db(), text, door=_door())


def _done(article_id: int, lang: str) -> Any:
    commit()
    if request.form.get("action") == "publish":
        flash(gettext("Published. Readers see this text now."), "ok")
    else:
        flash(gettext("Saved. Readers do not see this version yet."), "ok")
    return see(f"/admin/articles/{article_id}/{lang}")


def _take_their_number(found: Editing, form: ArticleForm) -> dict[str, Any] | None:
    """After a conflict: the other text, to be shown beside the own one; saving again replaces it knowingly."""
    if found.text is None:
        return None
    form.based_on.data, form.based_on.raw_data = found.text.latest_number, None
    name, saved_at = editing.last_saving(db(), found.text.id)
    return {"content": found.text.content, "name": name, "saved_at": saved_at}


# --- images and drafts ---------------------------------------------------------------------------------------------


def _upload(found: Editing, form: ArticleForm) -> Any:
    """Store an image and put it at the end of the text, which waits as the person's draft."""
    file = request.files.get("image")
    alt = clean_line(form.image_alt.data) or ""
    limit = int(preferences()["file_megabytes"]) * 1024 * 1024
    release()  # decoding and writing files needs no transaction
    try:
        if file is None or not file.filename:
            raise Refused(N_("Choose an image."), "image")
        if not alt and not form.image_decorative.data:
            raise Refused(N_("Say what the image shows, or tick that it is decoration."), "image_alt")
        if len(file.stream.read(limit + 1)) > limit:
            raise Refused(N_("The image is larger than %(limit)d MB."), "image", limit=limit // 1024**2)
        file.stream.seek(0)
        picture = images.drawn(file.stream)
        stored = images.store(portal().storage, picture)
    except Refused as refused:
        form.refuse(refused)
        return _edit_page(found, form), 422
    try:
        row = images.add(db(), picture, stored, name=file.filename, article_id=found.article_id, door=_door())
        shown = images.markdown(row, "" if form.image_decorative.data else alt)
        body = f"{(form.body.data or '').rstrip()}\n\n{shown}\n".lstrip("\n")
        kept = _typed() | {"body": body, "image_alt": "", "image_decorative": ""}
        drafts.save(db(), current_user.person_id, _draft_name(found), kept, now=now())
        commit()
    except BaseException:
        portal().storage.delete(stored.key)
        raise
    flash(gettext("The image stands at the end of the text. Save the text to keep it."), "ok")
    return see(f"/admin/articles/{found.article_id}/{found.lang}")


def _draft(name: str, back: str) -> Any:
    if "discard" in request.form:
        drafts.discard(db(), current_user.person_id, name)
        commit()
        return see(back)
    try:
        drafts.save(db(), current_user.person_id, name, _typed(), now=now())
    except Refused:
        abort(413)
    commit()
    return "", 204


def _draft_name(found: Editing) -> str:
    return f"article:{found.article_id}:{found.lang}"


def _typed() -> dict[str, str]:
    """What was typed, as a draft keeps it."""
    return {
        name: clean("\n".join(values) if name in MANY else values[0]) or ""
        for name, values in request.form.to_dict(flat=False).items()
        if name not in BUTTONS
    }


def _restored(kept: dict[str, str]) -> MultiDict[str, str]:
    fields: MultiDict[str, str] = MultiDict()
    for name, value in kept.items():
        for one in value.split("\n") if name in MANY else [value]:
            if one or name not in MANY:
                fields.add(name, one)
    return fields


# --- pages ---------------------------------------------------------------------------------------------------------


def _new_page(form: Any, *, preview: bool = False) -> str:
    shown = rendering.page(form.body.data or "", form.lang.data or language()).html if preview else None
    return render_template("admin/articles/new.html", form=form, preview=shown, kept_at=_kept_at(form))


def _edit_page(
    found: Editing, form: Any, *, preview: bool = False, theirs: dict[str, Any] | None = None
) -> str:
    shown = rendering.page(form.body.data or "", found.lang).html if preview else None
    return render_template(
        "admin/articles/edit.html",
        editing=found,
        form=form,
        preview=shown,
        theirs=theirs,
        kept_at=_kept_at(form),
        awaits=_awaits(found),
        address=(form.slug.data or (slug_of(form.title.data or "") if form.title.data else "")),
    )


def _kept_at(form: Any) -> Any:
    return getattr(form, "kept_at", None)


def _awaits(found: Editing) -> bool:
    return found.text is not None and indexing.awaits_index(db(), found.text.id, found.article_id)


def _asked_lang() -> str:
    lang = request.args.get("lang")
    return lang if lang in portal().languages else language()


def _door() -> Door:
    return Door(current_user.person_id, now())
