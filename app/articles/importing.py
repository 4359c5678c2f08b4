"""Takes articles and terms from files into the help centre: JSON lines, a folder or a zip of Markdown.

Reading gives entries or faults with the place they stand at; taking writes them, in the caller's transaction.
Same slug and language again is a new revision, and only if something changed.
"""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path, PurePosixPath

import yaml
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app import outbox
from app.articles import categories, editions, glossary, indexing, service
from app.articles.audience import Audience
from app.articles.entries import Entry, TermEntry, from_json, from_markdown
from app.articles.models import PUBLIC, PUBLISHED, Article, ArticleText, Category, GlossaryTerm
from app.articles.service import Door
from app.errors import Refused
from app.outbox import Job
from app.words import N_
from knowledge_base.document import LANGUAGES

LARGEST_FILE = 2 * 1024 * 1024  # bytes of one Markdown file or one line
LARGEST_ARCHIVE = 512 * 1024 * 1024  # bytes of a zip, unpacked
MOST_FILES = 100_000
FEW = 200  # changed texts up to which the index is changed, not built anew
CATEGORIES = "categories.yaml"
GRACE = timedelta(minutes=5)  # after that the worker builds an index that a broken-off import left behind


class Unreadable(Exception):
    """The file or folder as a whole cannot be taken; the message says why."""


@dataclass(frozen=True, slots=True)
class Source:
    """One piece of an import: where it stands ("line 3", a file's name) and what was read, or what is wrong."""

    where: str
    item: Entry | TermEntry | Refused


@dataclass(slots=True)
class Outcome:
    """What an import did. `touched` are the texts whose index entry must follow."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    faults: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    touched: set[int] = field(default_factory=set)
    safety_nets: list[int] = field(default_factory=list)


# --- reading -------------------------------------------------------------------------------------------------------


def read(path: Path, *, lang: str | None = None) -> list[Source]:
    """Everything in a `.jsonl` file, a folder or a zip, originals before their translations. Raises `Unreadable`.

    `lang` is the language of Markdown files that neither say it nor lie in a folder of its name.
    """
    lang = lang or next((part for part in reversed(path.absolute().parts) if part in LANGUAGES), None)
    if path.is_dir():
        found = list(_folder(path, lang))
    elif path.suffix == ".zip":
        found = list(_zip(path, lang))
    elif path.is_file():
        found = list(_lines(path))
    else:
        raise Unreadable(f"{path} does not exist.")
    if not found:
        raise Unreadable(f"There is nothing to import in {path}.")
    return sorted(
        found, key=lambda source: isinstance(source.item, Entry) and bool(source.item.translation_of)
    )


def _lines(path: Path) -> Iterator[Source]:
    with open(path, "rb") as file:
        for number, line in enumerate(file, 1):
            if number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")
            if line.strip():
                yield _source(f"line {number}", line, lambda text: from_json(text))


def _folder(folder: Path, lang: str | None) -> Iterator[Source]:
    for path in sorted(folder.rglob("*.md")):
        name = path.relative_to(folder)
        if path.is_file() and not path.is_symlink() and not any(part.startswith(".") for part in name.parts):
            if path.stat().st_size > LARGEST_FILE:
                yield Source(str(name), Refused(N_("The file is larger than 2 MB.")))
            else:
                yield _markdown(PurePosixPath(name.as_posix()), path.read_bytes(), lang)


def _zip(path: Path, lang: str | None) -> Iterator[Source]:
    """Nothing is unpacked to the disk. Sizes are counted while reading, since the archive's own table may lie."""
    unpacked = 0
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if len(members) > MOST_FILES:
                raise Unreadable(f"The archive holds more than {MOST_FILES} files.")
            for member in members:
                name = PurePosixPath(member.filename.replace("\\", "/"))
                if name.is_absolute() or ".." in name.parts or stat.S_ISLNK(member.external_attr >> 16):
                    raise Unreadable(f"The archive holds a name that leads out of it: {member.filename[:80]}")
            for member in sorted(members, key=lambda member: member.filename):
                name = PurePosixPath(member.filename)
                if (
                    member.is_dir()
                    or name.suffix != ".md"
                    or any(p.startswith((".", "__MACOSX")) for p in name.parts)
                ):
                    continue
                with archive.open(member) as file:
                    held = file.read(LARGEST_FILE + 1)
                unpacked += len(held)
                if unpacked > LARGEST_ARCHIVE:
                    raise Unreadable("The archive is too large when unpacked.")
                if len(held) > LARGEST_FILE:
                    yield Source(str(name), Refused(N_("The file is larger than 2 MB.")))
                else:
                    yield _markdown(name, held, lang)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as fault:
        raise Unreadable(f"{path} is not a zip that can be read: {fault}") from None


def _markdown(name: PurePosixPath, held: bytes, lang: str | None) -> Source:
    lang = next((part for part in name.parts[:-1] if part in LANGUAGES), lang)
    return _source(str(name), held, lambda text: from_markdown(text, lang=lang, name=name.stem))


def _source(where: str, held: bytes, parse: object) -> Source:
    try:
        if len(held) > LARGEST_FILE:
            raise Refused(N_("The line is larger than 2 MB."))
        return Source(where, parse(held.decode("utf-8")))  # type: ignore[operator]
    except UnicodeDecodeError:
        return Source(where, Refused(N_("The text is not UTF-8.")))
    except Refused as fault:
        return Source(where, fault)


# --- taking --------------------------------------------------------------------------------------------------------


def take_all(session: Session, sources: Iterable[Source], outcome: Outcome, *, door: Door) -> None:
    """Write these entries and note in `outcome` what became of each. A bad one is named, the others go in.

    The caller commits, and calls `follow` after the last commit; should it die before, a job does the same later.
    """
    before = len(outcome.touched)
    for source in sources:
        try:
            if isinstance(source.item, Refused):
                raise source.item
            with session.begin_nested():
                _take(session, source, outcome, door)
        except Refused as fault:
            outcome.faults.append(f"{source.where}: {fault}")
    if len(outcome.touched) > before or outcome.changed or outcome.added:
        editions.turn(session)
    if len(outcome.touched) > before:
        net = outbox.put(session, "articles.rebuild", run_at=door.now + GRACE)
        session.flush()
        outcome.safety_nets.append(net.id)


def follow(session: Session, folder: Path, outcome: Outcome) -> None:
    """Make the index equal to the database after an import was committed."""
    if len(outcome.touched) <= FEW:
        indexing.refresh(session, folder, outcome.touched)
    else:
        indexing.rebuild(session, folder)


def forget_nets(session: Session, outcome: Outcome) -> None:
    """Take back the jobs that were put in case the import died; called once the index has followed."""
    session.execute(delete(Job).where(Job.id.in_(outcome.safety_nets)))


def _take(session: Session, source: Source, outcome: Outcome, door: Door) -> None:
    item = source.item
    if isinstance(item, TermEntry):
        done = _take_term(session, item, door)
    else:
        assert isinstance(item, Entry)
        target, notice = target_of(session, item)
        if notice:
            outcome.notices.append(f"{source.where}: {notice}")
        done, touched = take_article(session, item, target, door)
        outcome.touched |= touched
    setattr(outcome, done, getattr(outcome, done) + 1)


def take_article(session: Session, item: Entry, target: int | None, door: Door) -> tuple[str, set[int]]:
    """Write one article, as a translation of the article `target` if given.

    Gives what was done (`added`, `changed`, `unchanged`) and the ids of the texts whose index entry must follow.
    """
    text = session.scalar(
        select(ArticleText).where(ArticleText.lang == item.lang, ArticleText.slug == item.slug)
    )
    added = text is None
    if text is None:
        text = _add(session, item, target, door)
        changed = True
    else:
        changed = not _is_shown(session, text, item) and service.save(
            session, text, item.content, slug=item.slug, based_on=None, door=door
        )
        if target is not None and target != text.article_id:
            _join(session, text, target, item.lang)
            changed = True
    touched = _settle(session, text, item, door)
    if not _is_shown(session, text, item):
        changed |= _reach(session, text, item.state, door)
    if changed:
        touched.add(text.id)
    return ("added" if added else "changed" if touched else "unchanged"), touched


def target_of(session: Session, item: Entry) -> tuple[int | None, str]:
    """The article that an entry is a translation of, and a notice if there is none."""
    if item.translation_of is None:
        return None, ""
    found = session.scalar(
        select(ArticleText.article_id).where(
            ArticleText.slug == item.translation_of, ArticleText.lang != item.lang
        )
    )
    if found is None:
        return (
            None,
            f"there is no article “{item.translation_of}” in another language yet; taken without a link",
        )
    return found, ""


def _add(session: Session, item: Entry, target: int | None, door: Door) -> ArticleText:
    if target is None:
        return service.create(
            session,
            lang=item.lang,
            slug=item.slug,
            content=item.content,
            category_id=_category(session, item, door),
            audience=item.audience or Audience(PUBLIC),
            door=door,
        )
    article = session.get_one(Article, target)
    _refuse_second(session, target, item.lang, None)
    return service.add_text(session, article, lang=item.lang, slug=item.slug, content=item.content, door=door)


def _settle(session: Session, text: ArticleText, item: Entry, door: Door) -> set[int]:
    """Set category and readers as far as the entry names them. Gives the article's texts if something changed."""
    article = session.get_one(Article, text.article_id)
    category_id = _category(session, item, door) if item.category else article.category_id
    readers = item.audience or service.audience_of(session, article)
    if not service.settle(session, article.id, category_id=category_id, audience=readers, door=door):
        return set()
    return set(session.scalars(select(ArticleText.id).where(ArticleText.article_id == article.id)))


def _category(session: Session, item: Entry, door: Door) -> int | None:
    if item.category is None:
        return None
    return categories.by_path(
        session, item.category, actor_id=door.actor_id, now=door.now, through=door.through
    )


def _is_shown(session: Session, text: ArticleText, item: Entry) -> bool:
    """Whether readers see exactly this already; a newer draft of an editor then stays what it is."""
    if not (text.state == item.state == PUBLISHED) or text.current_number is None:
        return False
    return service.revision(session, text.id, text.current_number) == item.content


def _reach(session: Session, text: ArticleText, state: str, door: Door) -> bool:
    """Bring a text into the state its entry has. False if it is in it already."""
    if state == PUBLISHED:
        if text.state == PUBLISHED and text.current_number == text.latest_number:
            return False
        service.publish(session, text, door=door)
        return True
    if text.state == state:
        return False
    service.withdraw(session, text, to=state, door=door)
    return True


def _join(session: Session, text: ArticleText, target: int, lang: str) -> None:
    """Make a text, so far an article of its own, a language of another article."""
    _refuse_second(session, target, lang, text.id)
    left, text.article_id = text.article_id, target
    session.flush()
    if session.scalar(select(ArticleText.id).where(ArticleText.article_id == left).limit(1)) is None:
        session.delete(session.get_one(Article, left))
        session.flush()


def _refuse_second(session: Session, article_id: int, lang: str, text_id: int | None) -> None:
    other = session.scalar(
        select(ArticleText.slug).where(
            ArticleText.article_id == article_id, ArticleText.lang == lang, ArticleText.id != (text_id or 0)
        )
    )
    if other is not None:
        raise Refused(
            N_("The article it translates is in this language already: “%(slug)s”."),
            "translation_of",
            slug=other,
        )


def _take_term(session: Session, item: TermEntry, door: Door) -> str:
    row = session.scalar(
        select(GlossaryTerm).where(GlossaryTerm.lang == item.lang, GlossaryTerm.slug == item.slug)
    )
    if row is not None and glossary.text_of(row) == item.text:
        return "unchanged"
    glossary.save(session, row.id if row else None, item.lang, item.text, slug=item.slug, door=door)
    return "changed" if row else "added"


# --- categories with their names -----------------------------------------------------------------------------------


def take_categories(session: Session, path: Path, *, only: str | None, door: Door) -> int:
    """Make the categories that a `categories.yaml` names and that do not exist yet. Gives how many.

    `only` takes those of one `set`. Categories that exist are left as they are. Raises `Unreadable`.
    """
    try:
        held = yaml.safe_load(path.read_text(encoding="utf-8")) or []
        rows = [row for row in held if only is None or row.get("set") == only]
        rows.sort(key=lambda row: row["slug"].count("/"))
        made = 0
        for row in rows:
            if session.scalar(select(Category.id).where(Category.path == row["slug"])) is not None:
                continue
            above, _, slug = row["slug"].rpartition("/")
            parent_id = (
                categories.by_path(session, above, actor_id=door.actor_id, now=door.now, through=door.through)
                if above
                else None
            )
            categories.add(
                session,
                names={lang: str(name) for lang, name in row["name"].items()},
                descriptions={lang: str(text) for lang, text in (row.get("description") or {}).items()},
                slug=slug,
                parent_id=parent_id,
                position=int(row.get("sort", 1000)),
                actor_id=door.actor_id,
                now=door.now,
                through=door.through,
            )
            made += 1
    except (OSError, yaml.YAMLError, AttributeError, KeyError, TypeError, ValueError) as fault:
        raise Unreadable(f"{path} cannot be read: {fault!r}") from None
    return made
