"""Files under random names: whole or not at all, never by a given path, swept when nobody knows them."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import time
from pathlib import Path
from typing import Any

import pytest

from app import storage as module
from app.storage import Storage, TooLarge


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage(tmp_path / "files")


def everything(storage: Storage) -> list[Path]:
    return [path for path in storage.folder.rglob("*") if path.is_file()]


def test_save_open_delete(storage: Storage) -> None:
    content = os.urandom(module.BLOCK * 2 + 17)
    saved = storage.save(io.BytesIO(content), limit=len(content))
    assert (saved.size, saved.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    with storage.open(saved.key) as file:
        assert file.read() == content
    assert storage.path(saved.key).read_bytes() == content
    assert list(storage.all_keys()) == [saved.key]
    assert storage.delete(saved.key)
    assert not storage.delete(saved.key)
    with pytest.raises(FileNotFoundError):
        storage.open(saved.key)


def test_the_same_content_twice_is_two_files(storage: Storage) -> None:
    first, second = (storage.save(io.BytesIO(b"same"), limit=9) for _ in range(2))
    assert first.key != second.key
    storage.delete(first.key)
    with storage.open(second.key) as file:
        assert file.read() == b"same"


def test_too_large_keeps_nothing(storage: Storage) -> None:
    with pytest.raises(TooLarge):
        storage.save(io.BytesIO(b"x" * 100), limit=99)
    assert everything(storage) == []


def test_a_broken_stream_or_disk_keeps_nothing(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        storage.save(Broken(), limit=99)

    def full(_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        storage.save(io.BytesIO(b"x"), limit=99)
    assert everything(storage) == []


@pytest.mark.parametrize(
    "key", ["../secret-key", "/etc/passwd", "", "ab", "A" * 32, "0" * 31 + "/", "0" * 32 + "\n", "0" * 33]
)
def test_only_keys_of_ours_open_files(storage: Storage, key: str) -> None:
    storage.folder.mkdir()
    (storage.folder.parent / "secret-key").write_text("secret")
    for use in (storage.open, storage.path):
        with pytest.raises(FileNotFoundError):
            use(key)


def test_others_on_the_host_cannot_list_the_folder(storage: Storage) -> None:
    key = storage.save(io.BytesIO(b"x"), limit=9).key
    assert stat.S_IMODE(storage.path(key).parent.stat().st_mode) == 0o700


def test_sweeping_removes_what_no_row_knows_once_it_is_old(storage: Storage) -> None:
    known, orphan, young = (storage.save(io.BytesIO(b"x"), limit=9).key for _ in range(3))
    partial = storage.path(known).with_suffix(".part")
    partial.write_bytes(b"half")
    two_days_ago = time.time() - 2 * 86_400
    for path in (storage.path(known), storage.path(orphan), partial):
        os.utime(path, (two_days_ago, two_days_ago))
    assert storage.sweep({known}) == 2
    assert set(storage.all_keys()) == {known, young}
    assert not partial.exists()
