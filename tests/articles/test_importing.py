"""Taking articles in from files and giving them out again."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.accounts.models import Segment
from app.accounts.permissions import VISITOR, Held, Viewer
from app.articles import exporting, finding, importing, queries, service
from app.articles.entries import Entry, from_json
from app.articles.importing import Outcome, Source, Unreadable
from app.articles.indexing import index_in, published_ids
from app.articles.models import Article, ArticleText, Category, GlossaryTerm, Revision
from app.db import Database
from app.errors import Refused
from app.outbox import Job
from tests import factories
from tests.articles.makers import content, door, draft, published, translated

STAFF = Viewer(person_id=1, kind="staff", held=(Held("admin"),))


def line(slug: str = "eins", lang: str = "de", **given: Any) -> str:
    values = {"slug": slug, "lang": lang, "title": f"Titel {slug}", "body": f"Text {slug}", **given}
    return json.dumps({name: value for name, value in values.items() if value is not None})


def taken(database: Database, *lines: str) -> Outcome:
    sources = []
    for number, text in enumerate(lines, 1):
        try:
            sources.append(Source(f"line {number}", from_json(text)))
        except Refused as refused:
            sources.append(Source(f"line {number}", refused))
    outcome = Outcome()
    with database.session(write=True) as session:
        importing.take_all(session, sources, outcome, door=door(bulk=True))
        session.commit()
    return outcome


def counts(database: Database) -> tuple[int, int, int]:
    with database.session(write=False) as session:
        return tuple(
            session.scalar(select(func.count()).select_from(table))
            for table in (Article, ArticleText, Revision)
        )  # type: ignore[return-value]


def test_the_same_line_again_changes_nothing(database: Database) -> None:
    assert taken(database, line()).added == 1
    again = taken(database, line())
    assert (again.added, again.changed, again.unchanged, again.touched) == (0, 0, 1, set())
    assert counts(database) == (1, 1, 1)


def test_a_changed_line_is_a_new_revision_of_the_same_article(database: Database) -> None:
    taken(database, line())
    assert taken(database, line(body="Anders")).changed == 1
    assert counts(database) == (1, 1, 2)
    with database.session(write=False) as session:
        reading = queries.article(session, VISITOR, "de", "eins")
        assert reading is not None
        assert queries.body(session, reading.id, reading.number) == "Anders"


def test_a_bad_line_is_named_and_the_others_go_in(database: Database) -> None:
    outcome = taken(database, line("a"), "{", line("b", audience="organisation:nobody"), line("c"))
    assert outcome.added == 2
    assert [fault.split(":")[0] for fault in outcome.faults] == ["line 2", "line 3"]
    assert "nobody" in outcome.faults[1]
    with database.session(write=False) as session:
        assert set(session.scalars(select(ArticleText.slug))) == {"a", "c"}
        assert session.scalar(select(func.count()).select_from(Article)) == 2


def test_categories_are_made_with_what_is_above_them(database: Database) -> None:
    taken(database, line("a", category="geld/rechnung"), line("b", category="Getting started"), line("c"))
    with database.session(write=False) as session:
        paths = dict(session.execute(select(Category.path, Category.name)).all())  # type: ignore[arg-type]
    assert set(paths) == {"geld", "geld/rechnung", "getting-started"}
    assert paths["getting-started"]["en"] == "Getting started"


def test_languages_are_linked_in_any_order(database: Database) -> None:
    taken(database, line("bill", "en", translation_of="rechnung"), line("rechnung"))
    taken(database, line("bill", "en", translation_of="rechnung"))
    with database.session(write=False) as session:
        texts = session.scalars(select(ArticleText.article_id)).all()
        assert len(texts) == 2
        assert len(set(texts)) == 1
        assert session.scalar(select(func.count()).select_from(Article)) == 1


def test_a_translation_of_nothing_is_taken_and_told(database: Database) -> None:
    outcome = taken(database, line("bill", "en", translation_of="fehlt"))
    assert outcome.added == 1
    assert not outcome.faults
    assert "fehlt" in outcome.notices[0]


def test_a_second_text_in_a_language_is_refused(database: Database) -> None:
    outcome = taken(
        database,
        line("rechnung"),
        line("bill", "en", translation_of="rechnung"),
        line("invoice", "en", translation_of="rechnung"),
    )
    assert outcome.added == 2
    assert "bill" in outcome.faults[0]


def test_a_translation_without_audience_keeps_the_originals(database: Database) -> None:
    taken(database, line("geheim", audience="internal"), line("secret", "en", translation_of="geheim"))
    with database.session(write=False) as session:
        assert queries.article(session, VISITOR, "en", "secret") is None
        assert queries.article(session, STAFF, "en", "secret") is not None


def test_an_audience_changed_by_one_language_has_all_indexed_again(database: Database) -> None:
    taken(database, line("geheim"), line("secret", "en", translation_of="geheim"))
    outcome = taken(database, line("geheim", audience="internal"))
    assert len(outcome.touched) == 2


def test_states(database: Database) -> None:
    taken(database, line("a", state="draft"), line("b", state="archived"), line("c"))
    with database.session(write=False) as session:
        states = dict(session.execute(select(ArticleText.slug, ArticleText.state)).all())
    assert states == {"a": "draft", "b": "archived", "c": "published"}
    taken(database, line("a"), line("c", state="archived"))
    with database.session(write=False) as session:
        states = dict(session.execute(select(ArticleText.slug, ArticleText.state)).all())
    assert states == {"a": "published", "b": "archived", "c": "archived"}


def filled(session: Any) -> None:
    factories.organisation(session, "Werk A")
    session.add(Segment(slug="gold", name="Gold"))
    from app.articles import categories
    from app.now import now

    place = categories.by_path(session, "geld/rechnung", actor_id=None, now=now(), through="web")
    text = published(
        session,
        "Rechnung: „ändern“ & mehr",
        category_id=place,
        tokens=("organisation:werk-a", "segment:gold"),
    )
    translated(session, text, "Change: 'the' #invoice", body="---\nnot front matter\n---\n\n- yes: no")
    draft(session, "Nur ein Entwurf", slug="Ünd_~1")
    service.withdraw(session, published(session, "Alt", tokens=("internal",)), to="archived", door=door())
    again = published(session, "Später", body="eins")
    service.save(session, again, content("Später", body="zwei"), slug="", based_on=None, door=door())
    session.add(
        GlossaryTerm(
            lang="de", slug="sla", term="SLA", sort_key="sla", definition="Frist.", also=["x"], related=["y"],
            updated_at=now(),
        )
    )  # fmt: skip


def entries_of(database: Database) -> list[Any]:
    with database.session(write=False) as session:
        return sorted(exporting.entries(session), key=lambda item: (item.lang, item.slug))


@pytest.mark.parametrize("form", ["jsonl", "folder", "zip"])
def test_what_is_given_out_comes_back_the_same(database: Database, tmp_path: Path, form: str) -> None:
    with database.session(write=True) as session:
        filled(session)
        session.commit()
    before = entries_of(database)
    path = tmp_path / ("out.jsonl" if form == "jsonl" else "out")
    if form == "jsonl":
        exporting.to_file(path, iter(before))
    else:
        exporting.to_folder(path, iter(before))
        if form == "zip":
            path = Path(shutil.make_archive(str(path), "zip", path))
    sources = importing.read(path)
    outcome = Outcome()
    with database.session(write=True) as session:
        importing.take_all(session, sources, outcome, door=door(bulk=True))
        session.commit()
    assert (outcome.added, outcome.changed, outcome.faults) == (0, 0, [])
    assert outcome.unchanged == len(before) == 6
    assert entries_of(database) == before


def test_into_an_empty_help_centre_it_comes_back_the_same(database: Database, tmp_path: Path) -> None:
    with database.session(write=True) as session:
        filled(session)
        session.commit()
    before = entries_of(database)
    exporting.to_file(tmp_path / "out.jsonl", iter(before))
    with database.session(write=True) as session:
        for table in (Article, GlossaryTerm, Category):
            for row in session.scalars(select(table).order_by(table.id.desc())):
                session.delete(row)
                session.flush()
        session.commit()
    outcome = Outcome()
    with database.session(write=True) as session:
        importing.take_all(session, importing.read(tmp_path / "out.jsonl"), outcome, door=door(bulk=True))
        session.commit()
    assert (outcome.added, outcome.faults) == (6, [])
    assert entries_of(database) == before


# --- files ---------------------------------------------------------------------------------------------------------


def zipped(path: Path, *files: tuple[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, held in files:
            archive.writestr(name, held)
    return path


FILE = b"---\ntitle: T\n---\nText\n"


@pytest.mark.parametrize("name", ["../x.md", "/etc/x.md", "a/../../x.md", "..\\x.md"])
def test_names_that_lead_out_of_an_archive(tmp_path: Path, name: str) -> None:
    with pytest.raises(Unreadable, match="leads out"):
        importing.read(zipped(tmp_path / "a.zip", ("de/a.md", FILE), (name, FILE)))


def test_a_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = zipped(tmp_path / "a.zip", *((f"de/{n}.md", b"0" * 3_000_000) for n in range(3)))
    assert path.stat().st_size < 20_000
    assert all(isinstance(source.item, Refused) for source in importing.read(path))
    monkeypatch.setattr(importing, "LARGEST_ARCHIVE", 5_000_000)
    with pytest.raises(Unreadable, match="too large"):
        importing.read(path)


def test_a_link_in_an_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        info = zipfile.ZipInfo("de/a.md")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(Unreadable):
        importing.read(path)


@pytest.mark.parametrize("held", [b"", b"PK\x03\x04 broken", b"no zip"])
def test_broken_archives(tmp_path: Path, held: bytes) -> None:
    (tmp_path / "a.zip").write_bytes(held)
    with pytest.raises(Unreadable):
        importing.read(tmp_path / "a.zip")


def test_folders_say_the_language_and_links_are_not_followed(tmp_path: Path) -> None:
    home = tmp_path / "kb"
    for name in ("de/a.md", "en/sub/b.md", ".git/c.md", "d.md"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_bytes(FILE)
    (home / "de" / "link.md").symlink_to("/etc/hostname")
    (home / "de" / "bad.md").write_bytes(b"---\ntitle: \xff\n---\n")
    found = {source.where: source.item for source in importing.read(home)}
    assert set(found) == {"de/a.md", "en/sub/b.md", "d.md", "de/bad.md"}
    assert isinstance(found["de/a.md"], Entry)
    assert (found["en/sub/b.md"].lang, found["en/sub/b.md"].slug) == ("en", "b")  # type: ignore[union-attr]
    assert isinstance(found["d.md"], Refused)
    assert "UTF-8" in str(found["de/bad.md"])


def test_nothing_there(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "empty", tmp_path / "missing.jsonl"):
        with pytest.raises(Unreadable):
            importing.read(path)


def test_lines_with_byte_order_mark_and_empty_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + line("a").encode() + b"\r\n\n" + line("b").encode() + b"\n\xff\n")
    found = importing.read(path)
    assert [source.where for source in found] == ["line 1", "line 3", "line 4"]
    assert isinstance(found[2].item, Refused)


# --- the commands --------------------------------------------------------------------------------------------------


@pytest.fixture
def kb(app: Flask) -> Callable[..., Any]:
    return lambda *arguments: app.test_cli_runner().invoke(args=["kb", *map(str, arguments)])


@pytest.mark.both_databases
def test_when_the_command_returns_the_index_equals_the_database(
    app: Flask, kb: Callable[..., Any], tmp_path: Path
) -> None:
    portal = app.extensions["portal"]
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(line(f"artikel-{n}", title=f"Brombeere {n}") for n in range(250)))
    result = kb("import", path)
    assert result.exit_code == 0, result.output
    assert "New: 250" in result.output
    with portal.database.session(write=False) as session:
        assert index_in(portal.search_dir).keys() == published_ids(session)
        found = finding.find(session, portal.search_dir, VISITOR, "Brombeere", lang="de")
        assert found.total == 250
        assert session.scalar(select(func.count()).select_from(Job)) == 0
    path.write_text(line("artikel-1", title="Himbeere"))
    assert kb("import", path).exit_code == 0
    with portal.database.session(write=False) as session:
        assert finding.find(session, portal.search_dir, VISITOR, "Himbeere", lang="de").total == 1
        assert finding.find(session, portal.search_dir, VISITOR, "Brombeere", lang="de").total == 249


def test_a_bad_line_ends_with_status_1(kb: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(line("a") + "\n{oops\n" + line("b"))
    result = kb("import", path)
    assert result.exit_code == 1
    assert "line 2" in result.output
    assert "New: 2" in result.output


def test_a_died_import_is_made_good_by_the_worker(
    app: Flask, run_worker: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    portal = app.extensions["portal"]
    outcome = taken(portal.database, line("a", title="Brombeere"))
    assert outcome.safety_nets  # the process ends here, before the index followed
    with portal.database.session(write=True) as session:
        job = session.scalars(select(Job)).one()
        assert (job.name, job.id) == ("articles.rebuild", outcome.safety_nets[0])
        job.run_at = job.created_at - importing.GRACE
        session.commit()
    run_worker()
    with portal.database.session(write=False) as session:
        assert finding.find(session, portal.search_dir, VISITOR, "Brombeere", lang="de").total == 1


def test_export_and_search_commands(kb: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(line("a", title="Brombeere", category="obst"))
    kb("import", tmp_path / "a.jsonl")
    assert "Brombeere" in kb("search", "brombere", "--lang", "de").output
    assert kb("export", tmp_path / "out").exit_code == 0
    assert "Brombeere" in (tmp_path / "out/de/articles/a.md").read_text()
    assert "obst" in (tmp_path / "out/categories.yaml").read_text()
    assert "Unchanged: 1" in kb("import", tmp_path / "out").output
    assert kb("export", tmp_path / "out.jsonl").exit_code == 0
    assert "Unchanged: 1" in kb("import", tmp_path / "out.jsonl").output
    assert kb("import", tmp_path / "nothing").exit_code == 1


def test_reindex_from_an_empty_folder(app: Flask, kb: Callable[..., Any], tmp_path: Path) -> None:
    folder = app.extensions["portal"].search_dir
    (tmp_path / "a.jsonl").write_text(line("a", title="Brombeere"))
    kb("import", tmp_path / "a.jsonl")
    shutil.rmtree(folder)
    result = kb("reindex")
    assert result.exit_code == 0
    assert "1 texts" in result.output
    assert "1 found" in kb("search", "Brombeere", "--lang", "de").output


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:

    def broken() -> Any:
        yield from_json(line("a"))
        raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        exporting.to_file(tmp_path / "x.jsonl", broken())
    assert not (tmp_path / "x.jsonl").exists()
