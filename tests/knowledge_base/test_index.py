"""The index on disk: replace, remove, rebuild, generations, privacy, broken folders."""

import json
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from knowledge_base import arrayfile, store
from knowledge_base import folder as folder_module
from knowledge_base.document import Document
from knowledge_base.folder import read_state, snapshot_path
from knowledge_base.index import BrokenIndex, Index, IndexBusy
from knowledge_base.view import draw_snapshot
from tests.knowledge_base.conftest import Article, Find


def test_open_makes_an_empty_index(folder: Path, find: Find) -> None:
    index = Index.open(folder)
    assert index.keys() == set()
    assert find(index, "irgendwas").total == 0
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_replace_adds_and_replaces(folder: Path, article: Article, find: Find) -> None:
    index = Index.open(folder)
    index.replace([article(1, "Alter Titel", "Alt."), article(2, "Zweiter", "Text.")])
    index.replace([article(1, "Neuer Name", "Neu.")])
    assert index.keys() == {1, 2}
    assert find(index, "alter titel").total == 0
    assert find(index, "neuer name").keys == (1,)


def test_a_replaced_article_may_change_its_language(folder: Path, article: Article, find: Find) -> None:
    index = Index.open(folder)
    index.replace([article(1, "Hammer", "Text.")])
    index.replace([article(1, "Hammer", "Text.", lang="en")])
    assert (find(index, "hammer").total, find(index, "hammer", "en").total) == (0, 1)


def test_remove_makes_unfindable(folder: Path, article: Article, find: Find) -> None:
    index = Index.rebuild(folder, [article(number, f"Zahnrad {number}", "Text.") for number in range(5)])
    index.remove([2, 99])
    assert index.keys() == {0, 1, 3, 4}
    assert find(index, "zahnrad").total == 4
    assert index.find_text("zahnrad 2") == []
    index.remove(range(5))
    assert find(index, "zahnrad").total == 0


def test_generation_grows_and_other_readers_notice(folder: Path, article: Article, find: Find) -> None:
    writer, reader = Index.open(folder), Index.open(folder)
    before = reader.generation
    writer.replace([article(1, "Hebel", "Text.")])
    assert reader.generation > before
    assert find(reader, "hebel").keys == (1,)
    before = reader.generation
    Index.rebuild(folder, [article(2, "Kurbel", "Text.")])
    assert reader.generation > before
    assert find(reader, "kurbel").keys == (2,)
    assert find(reader, "hebel").total == 0


def test_a_reader_in_flight_keeps_its_generation(folder: Path, article: Article) -> None:
    index = Index.rebuild(folder, [article(1, "Hebel", "Ein Text.")])
    view = index.view()
    Index.rebuild(folder, [article(2, "Kurbel", "Text.")])
    assert [facts["title"] for facts in view.documents()] == ["Hebel"]


def test_small_writes_give_what_a_rebuild_gives(tmp_path: Path, article: Article, find: Find) -> None:
    documents = [
        article(n, f"Wartung Teil {n}", f"Wartungsplan {n} für Motorblock und Kupplungsscheibe.")
        for n in range(12)
    ]
    small = Index.open(tmp_path / "small")
    for document in [*documents, article(99, "Falsch", "Motor Kupplung Wartung"), documents[3]]:
        small.replace([document])
    small.remove([99])
    whole = Index.rebuild(tmp_path / "whole", documents)
    for typed in ("wartung", "motor", "kupplung scheibe", "wartngsplan 7", "teil 3"):
        one, other = find(small, typed), find(whole, typed)
        assert sorted(one.keys) == sorted(other.keys)
        assert [round(hit.score, 3) for hit in one.hits] == [round(hit.score, 3) for hit in other.hits]


def test_what_is_taken_over_from_the_last_snapshot_is_what_would_be_drawn(
    folder: Path, article: Article
) -> None:
    index = Index.rebuild(
        folder,
        [
            *(article(n, f"Wartungsplan {n}", "Kupplungsscheibe und Motorblock") for n in range(8)),
            article(50, "Maintenance", "Clutch and engine block", lang="en"),
        ],
    )
    for document in (
        article(3, "Motor", "Die Scheibe der Kupplung, gewartet"),  # makes parts known
        article(4, "Kabel", "Anders"),  # makes parts rare
        article(50, "Maintenance", "Gearbox", lang="en"),
        article(5, "Wartungsplan 5", "Kupplungsscheibe und Motorblock"),  # nothing new
    ):
        index.replace([document])
        state = read_state(folder)
        directory = folder / state.directory
        kept, _ = arrayfile.read(snapshot_path(directory, state.generation))
        drawn, _ = draw_snapshot(store.opened(directory).reader(), directory, keep=False)
        assert kept.keys() == drawn.keys()
        assert [name for name in drawn if not np.array_equal(kept[name], drawn[name])] == []


def test_rebuild_takes_the_last_of_equal_keys(folder: Path, article: Article, find: Find) -> None:
    index = Index.rebuild(folder, [article(1, "Alt", "Text."), article(1, "Neu", "Text.")])
    assert (find(index, "alt").total, find(index, "neu").total) == (0, 1)


def test_a_failing_rebuild_leaves_the_old_index(folder: Path, article: Article, find: Find) -> None:
    index = Index.rebuild(folder, [article(1, "Hebel", "Text.")])

    def documents() -> Iterator[Document]:
        yield article(2, "Kurbel", "Text.")
        raise RuntimeError("the database went away")

    with pytest.raises(RuntimeError):
        Index.rebuild(folder, documents())
    with pytest.raises(RuntimeError):
        index.replace(documents())
    assert find(index, "hebel").keys == (1,)
    index.replace([article(3, "Griff", "Text.")])
    assert Index.open(folder).keys() == {1, 3}
    Index.rebuild(folder, [article(3, "Griff", "Text.")])
    assert len(list(folder.glob("index-*"))) == 1


def test_find_text_reads_every_stored_text(folder: Path, article: Article) -> None:
    document = article(
        7,
        "Titel Adler",
        "Körper Bussard",
        summary="Kurz Dohle",
        keywords=("Wort Eule",),
        category="fach/falke",
        audiences=frozenset({"organisation:geier"}),
    )
    index = Index.rebuild(folder, [document, article(8, "Anderes", "Nichts.")])
    for needle in ("adler", "BUSSARD", "dohle", "Eule", "falke", "geier", "a-7"):
        assert index.find_text(needle) == [7]
    assert index.find_text("habicht") == []


def test_after_optimise_nothing_removed_is_in_the_files(folder: Path, article: Article) -> None:
    index = Index.rebuild(
        folder,
        [article(1, "Bleibt", "Text."), article(2, "Frau Quastenflosser", "Quastenflosser wohnt hier.")],
    )
    index.replace([article(3, "Dazu", "Wolpertinger im Text.")])
    index.remove([2])
    index.replace([article(3, "Dazu", "Anderer Text.")])
    index.optimise()
    for path in folder.rglob("*"):
        data = path.read_bytes() if path.is_file() else b""
        assert b"quastenflosser" not in data.lower(), path
        assert b"wolpertinger" not in data.lower(), path
    assert index.keys() == {1, 3}


@pytest.mark.parametrize("damage", ["{", "{}", "[]", ""])
def test_an_unreadable_folder_is_broken(folder: Path, article: Article, damage: str) -> None:
    Index.rebuild(folder, [article(1, "Hebel", "Text.")])
    (folder / "current.json").write_text(damage)
    with pytest.raises(BrokenIndex):
        Index.open(folder)
    assert Index.rebuild(folder, [article(2, "Kurbel", "Text.")]).keys() == {2}


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # Whoosh leaves what it cannot read open
@pytest.mark.parametrize("pattern", ["*.seg", "*.toc"])
def test_damaged_whoosh_files_are_broken(folder: Path, article: Article, pattern: str) -> None:
    Index.rebuild(folder, [article(1, "Hebel", "Text.")])
    for path in folder.rglob(pattern):
        path.write_bytes(b"\0" * 40)
    with pytest.raises(BrokenIndex):
        Index.open(folder)


@pytest.mark.parametrize("pattern", ["snapshot-*", "*.occurrences"])
@pytest.mark.parametrize("damage", [None, b"", b"KBARRAY1", b"rubbish" * 30])
def test_what_is_drawn_from_whoosh_can_be_drawn_again(
    folder: Path, article: Article, find: Find, pattern: str, damage: bytes | None
) -> None:
    Index.rebuild(folder, [article(1, "Hebel", "Text.")])
    for path in folder.rglob(pattern):
        path.unlink()
        if damage is not None:
            path.write_bytes(damage)
    index = Index.open(folder)
    assert find(index, "hebel").keys == (1,)
    index.replace([article(2, "Kurbel", "Text.")])
    assert Index.open(folder).keys() == {1, 2}


def test_another_version_or_analysis_is_broken(
    folder: Path, article: Article, monkeypatch: pytest.MonkeyPatch
) -> None:
    Index.rebuild(folder, [article(1, "Hebel", "Text.")])
    with monkeypatch.context() as patch:
        patch.setattr(folder_module, "fingerprint", lambda: "other words")
        with pytest.raises(BrokenIndex, match="version"):
            Index.open(folder)
    state = json.loads((folder / "current.json").read_text())
    (folder / "current.json").write_text(json.dumps({**state, "format": 0}))
    with pytest.raises(BrokenIndex, match="version"):
        Index.open(folder)


def test_one_writer_at_a_time(folder: Path, article: Article) -> None:
    index = Index.open(folder)
    with folder_module.locked(folder, 1.0), pytest.raises(IndexBusy):
        index.replace([article(1, "Hebel", "Text.")], timeout=0.05)
    index.replace([article(1, "Hebel", "Text.")])
    assert index.keys() == {1}


def test_waiting_writers_all_get_their_turn(folder: Path, article: Article) -> None:
    index = Index.open(folder)
    threads = [
        threading.Thread(target=index.replace, args=([article(n, f"Teil {n}", "Text.")],)) for n in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert index.keys() == set(range(6))


def test_threads_search_while_another_writes(folder: Path, article: Article, find: Find) -> None:
    index = Index.rebuild(
        folder,
        [article(0, "Anker", "Fester Text."), *(article(n, f"Teil {n}", "Text.") for n in range(1, 20))],
    )
    stop, faults = threading.Event(), []

    def read() -> None:
        while not stop.is_set():
            try:
                assert find(index, "anker").hits[0].key == 0
                find(index, "teil", offset=5)
            except Exception as fault:
                faults.append(fault)

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    for number in range(6):
        index.replace([article(100 + number, f"Neu {number}", "Text.")])
    Index.rebuild(folder, [article(0, "Anker", "Fester Text.")])
    stop.set()
    for reader in readers:
        reader.join()
    assert faults == []
    assert index.keys() == {0}


def test_nobody_waits_for_an_index_that_is_not_there(folder: Path) -> None:
    with folder_module.locked(folder, 1.0):
        start = time.monotonic()
        with pytest.raises(BrokenIndex):
            Index(folder).view()
        assert time.monotonic() - start < 0.5


def test_a_first_reader_draws_what_a_dead_writer_left(
    folder: Path, article: Article, find: Find, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = Index.rebuild(folder, [article(1, "Hebel", "Text.")])
    with monkeypatch.context() as patch:
        patch.setattr("knowledge_base.index.write_state", lambda *_: None)
        index.replace([article(2, "Kurbel", "Text.")])
    assert find(index, "kurbel").total == 0  # not published
    fresh = Index.open(folder)
    assert fresh.keys() == {1, 2}
    fresh.replace([article(3, "Griff", "Text.")])
    assert index.keys() == {1, 2, 3}
