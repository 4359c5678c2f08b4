"""Where admins keep the categories: names in each language, order, place in the tree."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, render_template, request
from flask_babel import gettext
from flask_login import current_user

from app.access import needs
from app.accounts.forms import choices
from app.articles import categories
from app.articles.categories import Node, Tree
from app.articles.forms import category_form
from app.errors import NotVisible, Refused
from app.forms import localised_data
from app.i18n import language
from app.now import now
from app.web import commit, db, portal, release, see

bp = Blueprint("categories_admin", __name__)


@bp.get("/admin/categories")
@needs("categories.edit")
def listing() -> str:
    return render_template(
        "admin/categories/list.html", tree=categories.tree(db()), counts=categories.article_counts(db())
    )


@bp.route("/admin/categories/new", methods=["GET", "POST"])
@needs("categories.edit")
def new() -> Any:
    form = _form(categories.tree(db()), None)
    if form.validate_on_submit():
        try:
            categories.add(db(), **_values(form), actor_id=current_user.person_id, now=now())
        except Refused as refused:
            release()
            form.refuse(refused)
        else:
            commit()
            flash(gettext("The category is there. Readers see it as soon as it has an article."), "ok")
            return see("/admin/categories")
    return render_template("admin/categories/new.html", form=form), (422 if form.errors else 200)


@bp.route("/admin/categories/<int:category_id>", methods=["GET", "POST"])
@needs("categories.edit")
def edit(category_id: int) -> Any:
    tree = categories.tree(db())
    node = tree.by_id.get(category_id)
    if node is None:
        raise NotVisible
    form = _form(tree, node)
    if form.validate_on_submit():
        try:
            categories.change(db(), category_id, **_values(form), actor_id=current_user.person_id, now=now())
        except Refused as refused:
            release()
            form.refuse(refused)
        else:
            commit()
            flash(gettext("Saved."), "ok")
            return see("/admin/categories")
    page = render_template("admin/categories/edit.html", form=form, node=node)
    return page, (422 if form.errors else 200)


@bp.post("/admin/categories/<int:category_id>/deletion")
@needs("categories.edit")
def deletion(category_id: int) -> Any:
    node = categories.tree(db()).by_id.get(category_id)
    if node is None:
        raise NotVisible
    try:
        categories.remove(db(), category_id, actor_id=current_user.person_id, now=now())
    except Refused as refused:
        release()
        form = _form(categories.tree(db()), node, sent=False)
        form.refuse(refused)
        return render_template("admin/categories/edit.html", form=form, node=node), 422
    commit()
    flash(gettext("The category is deleted."), "ok")
    return see("/admin/categories")


def _form(tree: Tree, node: Node | None, *, sent: bool = True) -> Any:
    stored: dict[str, Any] = {"parent_id": 0}
    if node is not None:
        stored = {
            "name": node.names,
            "description": node.descriptions,
            "slug": node.path.rpartition("/")[2],
            "parent_id": node.parent_id or 0,
            "position": node.position,
        }
    kind = category_form(portal().languages)
    form: Any = kind(data=stored) if sent and request.method != "GET" else kind(formdata=None, data=stored)
    own = set(tree.below(node.id)) if node else set()
    places = {
        found.id: "\u00a0\u00a0" * depth + found.name(language())
        for depth, found in tree.walk()
        if found.id not in own
    }
    form.parent_id.choices = choices({0: gettext("Nothing – it stands at the top"), **places})
    return form


def _values(form: Any) -> dict[str, Any]:
    return {
        "names": localised_data(form.name),
        "descriptions": localised_data(form.description),
        "slug": form.slug.data or "",
        "parent_id": form.parent_id.data or None,
        "position": form.position.data if form.position.data is not None else 100,
    }
