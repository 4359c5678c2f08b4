"""The tree of categories: reading it, and changing it. Reader pages and the editor share it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app import audit, outbox
from app.articles import editions
from app.articles.memory import Memory
from app.articles.models import Article, Category
from app.articles.slugs import slug_of
from app.db import locked
from app.errors import Conflict, NotVisible, Refused
from app.words import N_

DEEPEST = 4


@dataclass(frozen=True, slots=True)
class Node:
    """One category as pages show it."""

    id: int
    parent_id: int | None
    path: str
    names: dict[str, str]
    descriptions: dict[str, str]
    position: int

    def name(self, lang: str) -> str:
        return self.names.get(lang) or next(iter(self.names.values()), self.path)

    def description(self, lang: str) -> str:
        return self.descriptions.get(lang, "")


class Tree:
    """All categories, in the order admins gave them."""

    def __init__(self, nodes: list[Node]) -> None:
        self.by_id = {node.id: node for node in nodes}
        self.by_path = {node.path: node for node in nodes}
        self._children: dict[int | None, list[Node]] = {}
        for node in sorted(nodes, key=lambda node: (node.position, node.path)):
            self._children.setdefault(node.parent_id, []).append(node)

    def children(self, node_id: int | None) -> list[Node]:
        """The categories directly below one (None: the top)."""
        return self._children.get(node_id, [])

    def below(self, node_id: int) -> list[int]:
        """The id itself and those of all categories below it."""
        return [node_id] + [found for child in self.children(node_id) for found in self.below(child.id)]

    def trail(self, node_id: int | None) -> list[Node]:
        """The way from the top to a category, this included."""
        node = self.by_id.get(node_id) if node_id is not None else None
        return [] if node is None else [*self.trail(node.parent_id), node]

    def top(self, node_id: int | None) -> int | None:
        """The top category above (or at) one."""
        trail = self.trail(node_id)
        return trail[0].id if trail else None

    def walk(self, node_id: int | None = None, depth: int = 0) -> Iterator[tuple[int, Node]]:
        """Every category with its depth, in reading order."""
        for node in self.children(node_id):
            yield depth, node
            yield from self.walk(node.id, depth + 1)


def tree(session: Session) -> Tree:
    """All categories. One statement."""
    rows = session.execute(
        select(
            Category.id,
            Category.parent_id,
            Category.path,
            Category.name,
            Category.description,
            Category.position,
        )
    )
    return Tree([Node(*row) for row in rows])


def kept_tree(session: Session, memory: Memory, edition: int) -> Tree:
    """The tree as of an edition, read once a process."""
    return memory.trees.get(edition, lambda: tree(session))


def article_counts(session: Session) -> dict[int, int]:
    """Number of articles of every category, whatever their state."""
    rows = session.execute(
        select(Article.category_id, func.count())
        .where(Article.category_id.is_not(None))
        .group_by(Article.category_id)
    )
    return {category_id: count for category_id, count in rows if category_id is not None}


def add(
    session: Session,
    *,
    names: dict[str, str],
    descriptions: dict[str, str],
    slug: str,
    parent_id: int | None,
    position: int,
    actor_id: int | None,
    now: datetime,
    through: str = "web",
) -> Category:
    """A new category. Raises `Refused` (no name, too deep) or `Conflict` (address taken)."""
    category = Category(parent_id=parent_id, path="", name=names, description=descriptions, position=position)
    category.path = _path(session, slug or slug_of(next(iter(names.values()), "")), parent_id)
    try:
        with session.begin_nested():
            session.add(category)
    except IntegrityError:
        raise _taken(category.path) from None
    _note(session, "category.create", category.id, actor_id, now, through)
    return category


def change(
    session: Session,
    category_id: int,
    *,
    names: dict[str, str],
    descriptions: dict[str, str],
    slug: str,
    parent_id: int | None,
    position: int,
    actor_id: int | None,
    now: datetime,
) -> None:
    """Rename, describe or move a category; the addresses of those below follow.

    Raises `NotVisible`, `Refused` (moved below itself, too deep) or `Conflict` (address taken).
    """
    category = session.scalar(locked(select(Category).where(Category.id == category_id)))
    if category is None:
        raise NotVisible
    known = tree(session)
    if parent_id is not None and parent_id in known.below(category_id):
        raise Refused(N_("A category cannot stand below itself."), "parent_id")
    before = category.path
    path = _path(session, slug or before.rpartition("/")[2], parent_id)
    height = max(found.path.count("/") for found in (known.by_id[i] for i in known.below(category_id)))
    if path.count("/") + height - before.count("/") >= DEEPEST:
        raise Refused(N_("Categories go %(depth)d levels deep at most."), "parent_id", depth=DEEPEST)
    category.name, category.description = names, descriptions
    category.parent_id, category.position = parent_id, position
    try:
        with session.begin_nested():
            category.path = path
            session.flush()
            for child_id in known.below(category_id)[1:]:
                moved = path + known.by_id[child_id].path[len(before) :]
                session.execute(update(Category).where(Category.id == child_id).values(path=moved))
    except IntegrityError:
        raise _taken(path) from None
    if path != before:
        outbox.put(session, "articles.index", run_at=now, category_id=category_id)
    _note(session, "category.change", category_id, actor_id, now, "web")


def remove(session: Session, category_id: int, *, actor_id: int | None, now: datetime) -> None:
    """Delete an empty category. Raises `NotVisible`, or `Refused` while something is in it."""
    category = session.scalar(locked(select(Category).where(Category.id == category_id)))
    if category is None:
        raise NotVisible
    if session.scalar(select(Category.id).where(Category.parent_id == category_id).limit(1)):
        raise Refused(N_("This category has categories below it. Move them first."))
    if session.scalar(select(Article.id).where(Article.category_id == category_id).limit(1)):
        raise Refused(N_("This category has articles. Move them first."))
    session.delete(category)
    session.flush()
    _note(session, "category.delete", category_id, actor_id, now, "web")


def by_path(session: Session, path: str, *, actor_id: int | None, now: datetime, through: str) -> int:
    """The id of the category at a path such as `a/b`, as files name it; made, with what is missing above it, if
    unknown. Words that are no address yet ("Getting started") become one and stay as the name."""
    found, parent_id = "", None
    for part in filter(None, (part.strip() for part in path.split("/"))):
        slug = slug_of(part)
        found = f"{found}/{slug}" if found else slug
        known = session.scalar(select(Category.id).where(Category.path == found))
        if known is None:
            name = part if part != slug else part.replace("-", " ").capitalize()
            known = add(
                session,
                names={"de": name, "en": name},
                descriptions={},
                slug=slug,
                parent_id=parent_id,
                position=1000,
                actor_id=actor_id,
                now=now,
                through=through,
            ).id
        parent_id = known
    if parent_id is None:
        raise Refused(N_("“%(path)s” is not a category."), "category", path=path[:80])
    return parent_id


def _path(session: Session, slug: str, parent_id: int | None) -> str:
    if not slug or slug != slug_of(slug):
        raise Refused(N_("An address holds small letters, digits and hyphens only."), "slug")
    if parent_id is None:
        return slug
    above = session.scalar(select(Category.path).where(Category.id == parent_id))
    if above is None:
        raise Refused(N_("This category does not exist any more."), "parent_id")
    if above.count("/") + 1 >= DEEPEST:
        raise Refused(N_("Categories go %(depth)d levels deep at most."), "parent_id", depth=DEEPEST)
    return f"{above}/{slug}"


def _taken(path: str) -> Conflict:
    return Conflict(N_("Another category has the address “%(path)s”."), "slug", path=path)


def _note(
    session: Session, action: str, category_id: int, actor_id: int | None, now: datetime, through: str
) -> None:
    editions.turn(session)
    audit.record(
        session,
        actor_id=actor_id,
        action=action,
        object_kind="category",
        object_id=category_id,
        at=now,
        through=through,
    )
