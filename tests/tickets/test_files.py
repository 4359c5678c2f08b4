"""Files that come with messages: kinds, names, limits, and that nothing is ever half stored."""

from __future__ import annotations

import errno
import io
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from app.errors import Refused
from app.storage import Storage
from app.tickets import files
from app.tickets.files import HIDDEN, KINDS, LONGEST_NAME, MEGABYTE, Limits, clean_name, keep, kind_of
from app.uploads import ROOM, Upload

LIMITS = Limits(count=3, each=2 * MEGABYTE, together=3 * MEGABYTE)


@dataclass
class Chosen:
    filename: str | None
    stream: IO[bytes]


def chosen(name: str, content: bytes = b"some words\n") -> Chosen:
    return Chosen(name, io.BytesIO(content))


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage(tmp_path / "attachments")


def picture(kind: str) -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (4, 4), "red").save(made, kind)
    return made.getvalue()


def container(**entries: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name.replace("__", "/").replace("Types", "[Content_Types].xml"), content)
    return made.getvalue()


GOOD = {
    "a.png": picture("PNG"),
    "a.JPG": picture("JPEG"),
    "a.jpeg": picture("JPEG"),
    "a.gif": picture("GIF"),
    "a.webp": picture("WEBP"),
    "a.heic": b"\0\0\0\x18ftypheic" + b"\0" * 30,
    "a.mp4": b"\0\0\0\x18ftypisom" + b"\0" * 30,
    "a.mov": b"\0\0\0\x14ftypqt  " + b"\0" * 30,
    "a.pdf": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3",
    "Größe.txt": "Größe: 12 mm\n".encode(),
    "latin.txt": "Größe".encode("latin-1"),
    "wide.txt": "Größe".encode("utf-16"),
    "a.log": b"\x1b[31mred\x1b[0m\n",
    "a.csv": b"a;b\n1;2\n",
    "xrechnung.xml": b'<?xml version="1.0"?><Invoice xmlns="urn:oasis:names"/>',
    "a.docx": container(Types=b"<x/>", word__document=b"<x/>"),
    "a.xlsx": container(Types=b"<x/>"),
    "a.odt": container(mimetype=b"application/vnd.oasis.opendocument.text"),
    "a.zip": container(anything=b"x"),
}


@pytest.mark.parametrize("name", GOOD)
def test_files_of_everyday_are_taken(name: str, storage: Storage) -> None:
    (kept,) = keep(storage, [chosen(name, GOOD[name])], LIMITS)
    assert kept.name == name
    assert kept.content_type == KINDS[name.rpartition(".")[2].lower()][0]
    assert storage.path(kept.storage_key).read_bytes() == GOOD[name]


BAD_KINDS = [
    "page.html",
    "page.HTM",
    "drawing.svg",
    "program.exe",
    "script.js",
    "macro.docm",
    "mail.eml",
    "none",
    ".htaccess",
    "photo.png.php",
    "name.",
    "old.doc",
]


@pytest.mark.parametrize("name", BAD_KINDS)
def test_kinds_that_could_run_are_refused_by_name(name: str, storage: Storage) -> None:
    with pytest.raises(Refused) as refused:
        keep(storage, [chosen(name)], LIMITS)
    assert refused.value.values["name"] == clean_name(name)
    assert "PDF" in str(refused.value)


LIES = {
    "page.png": b"<html><script>alert(1)</script>",
    "program.pdf": b"MZ\x90\0" + b"\0" * 2000,
    "program.txt": b"MZ\x90\0\x03",
    "drawing.xml": b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg" onload="x()"/>',
    "page.xml": b"<!DOCTYPE html><html>",
    "prefixed.xml": b'<?xml version="1.0"?><x:script xmlns:x="http://www.w3.org/1999/xhtml">',
    "words.xml": b"no markup",
    "macro.docx": container(Types=b"<x/>", word__vbaProject__bin=b"x").replace(
        b"vbaProject/bin", b"vbaProject.bin"
    ),
    "plain.docx": container(word=b"x"),
    "broken.zip": b"PK\x03\x04 and nothing more",
    "text.zip": b"words",
    "picture.jpg": picture("PNG"),
    "movie.heic": b"\0\0\0\x18ftypisom",
}


@pytest.mark.parametrize("name", LIES)
def test_a_content_that_its_ending_does_not_say_is_refused(name: str, storage: Storage) -> None:
    with pytest.raises(Refused) as refused:
        keep(storage, [chosen("fine.txt"), chosen(name, LIES[name])], LIMITS)
    assert refused.value.message == files.NOT_WHAT_IT_SAYS
    assert list(storage.all_keys()) == []


def test_a_bomb_is_told_by_its_directory() -> None:
    bomb = container(Types=b"\0" * (64 * MEGABYTE))
    assert len(bomb) < MEGABYTE
    assert kind_of("fine.docx", io.BytesIO(bomb))
    small_limit, files.MOST_UNPACKED = files.MOST_UNPACKED, 32 * MEGABYTE
    try:
        with pytest.raises(Refused):
            kind_of("bomb.docx", io.BytesIO(bomb))
    finally:
        files.MOST_UNPACKED = small_limit


# --- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given_name", "clean"),
    [
        ("../../etc/passwd.txt", "passwd.txt"),
        ("C:\\Users\\eva\\photo.png", "photo.png"),
        ("in\u202egpj.exe.png", "ingpj.exe.png"),
        ("zero\u200bwidth.p\u200dng", "zerowidth.png"),
        ("line\nbreak\r\x00.pdf", "linebreak.pdf"),
        ("  spaces   and\ttabs .txt", "spaces andtabs .txt"),
        ("...hidden.txt", "hidden.txt"),
        ("trailing.txt. . ", "trailing.txt"),
        ('a<b>:"c|d?e*.csv', "a_b___c_d_e_.csv"),
        ("CON.txt", "_CON.txt"),
        ("lpt1", "_lpt1"),
        ("console.txt", "console.txt"),
        ("Gro\u0308ße.txt", "Größe.txt"),
        ("", "file"),
        (None, "file"),
        ("/", "file"),
        ("\ud800.txt", "txt"),
    ],
)
def test_hostile_names_become_harmless(given_name: str | None, clean: str) -> None:
    assert clean_name(given_name) == clean


def test_a_long_name_keeps_its_ending() -> None:
    assert clean_name("ä" * 500 + ".docx").endswith("ä.docx")
    assert len(clean_name("ä" * 500 + ".docx")) == LONGEST_NAME


@given(st.text())
def test_any_name_is_safe_to_show_and_to_save(text: str) -> None:
    import unicodedata

    name = clean_name(text)
    assert 0 < len(name) <= LONGEST_NAME
    assert not set(name) & set('/\\<>:"|?*')
    assert not any(unicodedata.category(sign) in HIDDEN for sign in name)
    assert name == name.strip(". ")
    assert clean_name(name) == name


# --- limits ----------------------------------------------------------------------------------------------------------


def refused_for(storage: Storage, *uploads: Chosen) -> Refused:
    with pytest.raises(Refused) as refused:
        keep(storage, uploads, LIMITS)
    assert refused.value.field == "attachments"
    assert list(storage.all_keys()) == []
    assert not list(storage.folder.glob("**/*.part"))
    return refused.value


def test_too_large_too_many_too_much_and_empty(storage: Storage) -> None:
    big = chosen("film.mov", b"\0\0\0\x14ftypqt  " + b"\0" * (2 * MEGABYTE))
    assert refused_for(storage, big).values == {"name": "film.mov", "size": 3, "limit": 2}
    assert refused_for(storage, *(chosen(f"{n}.txt") for n in range(50))).values == {"count": 50, "limit": 3}
    two = [chosen(f"{n}.txt", b"a" * (MEGABYTE + MEGABYTE // 2 + 1)) for n in range(2)]
    assert refused_for(storage, *two).values == {"size": 4, "limit": 3}
    assert refused_for(storage, chosen("fine.txt"), chosen("empty.txt", b"")).message == files.EMPTY


def test_fields_without_a_file_are_passed_over(storage: Storage) -> None:
    assert keep(storage, [Chosen("", io.BytesIO()), Chosen(None, io.BytesIO())], LIMITS) == ()


def test_a_full_disk_is_said_and_leaves_nothing(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = os.fsync, []

    def full(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    assert refused_for(storage, chosen("one.txt"), chosen("two.txt")).message == files.NO_ROOM


def test_a_disk_that_filled_while_the_file_arrived_is_said(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Upload([ROOM]) as arriving:
        monkeypatch.setattr(type(arriving).__mro__[1], "write", _no_space)
        arriving.write(b"words")
        monkeypatch.undo()
        assert refused_for(storage, Chosen("a.txt", arriving)).message == files.NO_ROOM


def _no_space(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_what_is_too_much_is_counted_and_dropped() -> None:
    room = [10]
    with Upload(room) as first, Upload(room) as second:
        assert first.write(b"12345678") == 8
        assert second.write(b"12345678") == 8
        assert (first.arrived, second.arrived, room) == (8, 8, [0])
        assert second.seek(0, io.SEEK_END) == 2
