"""The erasure ledger notices whatever is done to it and never loses an entry that a place still has."""

from __future__ import annotations

import json
import multiprocessing
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from app.privacy.ledger import FILE, Keys, Ledger, LedgerFault, line_of

KEY = "the ledger key of these tests, long enough"
OLD = "the ledger key from before the rotation"


def ledger(*folders: Path, keys: tuple[str, ...] = (KEY,)) -> Ledger:
    return Ledger(folders, Keys.of(keys))


def filled(folder: Path, count: int = 4) -> Path:
    for number in range(count):
        ledger(folder).append(
            at=1000 + number, action="person", subject=str(uuid.uuid4()), plan=f"plan{number}"
        )
    return folder / FILE


def test_entries_come_back_in_order_and_follow_from_each_other(tmp_path: Path) -> None:
    filled(tmp_path)
    entries = ledger(tmp_path).entries()
    assert [entry.number for entry in entries] == [1, 2, 3, 4]
    assert [entry.before for entry in entries[1:]] == [entry.digest for entry in entries[:-1]]


def test_the_same_step_repeated_writes_nothing_twice(tmp_path: Path) -> None:
    first = ledger(tmp_path).append(at=1, action="person", subject="s", plan="p")
    again = ledger(tmp_path).append(at=2, action="person", subject="s", plan="p")
    assert again == first
    assert len(ledger(tmp_path).entries()) == 1


def drop(lines: list[str]) -> list[str]:
    return [lines[0], *lines[2:]]


def swap(lines: list[str]) -> list[str]:
    return [lines[1], lines[0], *lines[2:]]


def edit(lines: list[str]) -> list[str]:
    changed = json.loads(lines[1]) | {"subject": "somebody else"}
    return [lines[0], json.dumps(changed, sort_keys=True, separators=(",", ":")), *lines[2:]]


def garble(lines: list[str]) -> list[str]:
    return [lines[0], "no JSON", *lines[2:]]


@pytest.mark.parametrize("tamper", [drop, swap, edit, garble])
def test_tampering_is_noticed(tmp_path: Path, tamper: Callable[[list[str]], list[str]]) -> None:
    path = filled(tmp_path)
    path.write_text("\n".join(tamper(path.read_text().splitlines())) + "\n")
    with pytest.raises(LedgerFault):
        ledger(tmp_path).entries()


def test_a_forged_entry_needs_the_key(tmp_path: Path) -> None:
    path = filled(tmp_path, 1)
    stranger = ledger(tmp_path / "elsewhere", keys=("a key that the forger made up himself",))
    stranger.folders[0].mkdir()
    (stranger.folders[0] / FILE).write_text("")
    forged = stranger.append(at=5, action="person", subject="s")
    path.write_text(path.read_text() + line_of(forged) + "\n")
    with pytest.raises(LedgerFault):
        ledger(tmp_path).entries()


def test_after_rotation_old_entries_still_verify_and_new_ones_use_the_new_key(tmp_path: Path) -> None:
    ledger(tmp_path, keys=(OLD,)).append(at=1, action="person", subject="a")
    rotated = ledger(tmp_path, keys=(KEY, OLD))
    rotated.append(at=2, action="person", subject="b")
    first, second = rotated.entries()
    assert first.key != second.key
    with pytest.raises(LedgerFault, match="not configured"):
        ledger(tmp_path, keys=(KEY,)).entries()


def test_a_place_that_is_behind_is_brought_up(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    filled(here, 3)
    (here / FILE).rename(tmp_path / "all")
    there.mkdir()
    (there / FILE).write_text((tmp_path / "all").read_text())
    both = ledger(here, there)
    assert len(both.entries()) == 3  # a snapshot took the first place back; the second remembers
    assert both.catch_up() == 3
    assert (here / FILE).read_text() == (there / FILE).read_text()


def test_places_that_contradict_each_other_are_a_fault(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    filled(here, 1)
    filled(there, 2)
    with pytest.raises(LedgerFault, match="contradicts"):
        ledger(here, there).entries()


def test_a_torn_last_line_is_cut_and_written_over(tmp_path: Path) -> None:
    path = filled(tmp_path, 2)
    path.write_text(path.read_text() + '{"number":3,"at":10')
    assert len(ledger(tmp_path).entries()) == 2
    ledger(tmp_path).append(at=9, action="person", subject="after the crash")
    assert [entry.number for entry in ledger(tmp_path).entries()] == [1, 2, 3]


def test_the_copy_in_a_backup_is_merged_and_a_contradicting_one_refused(tmp_path: Path) -> None:
    filled(tmp_path / "a", 3)
    entries = ledger(tmp_path / "a").entries()
    fresh = ledger(tmp_path / "b")
    assert fresh.merge(entries[:2]) == 2
    assert fresh.merge(entries) == 1
    assert fresh.merge(entries[:1]) == 0  # an older backup takes nothing back
    assert fresh.entries() == entries
    filled(tmp_path / "c", 1)
    with pytest.raises(LedgerFault, match="contradicts"):
        fresh.merge(ledger(tmp_path / "c").entries())


def append_many(folder: str, name: int) -> None:
    for number in range(10):
        ledger(Path(folder)).append(at=number, action="person", subject=f"{name}-{number}")


def test_several_processes_append_without_losing_or_forking(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=append_many, args=(str(tmp_path), name)) for name in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    subjects = [entry.subject for entry in ledger(tmp_path).entries()]
    assert len(subjects) == len(set(subjects)) == 40


def test_files_and_folders_are_for_the_portal_only(tmp_path: Path) -> None:
    path = filled(tmp_path / "ledger", 1)
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0
