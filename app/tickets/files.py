"""Files that come with messages: which kinds are taken, what they are called, how they get into the storage.

A file is judged by its name's ending and by its content, and both must agree; nothing is ever unpacked or drawn here.
Files are stored before the transaction that names them begins, so that no copying holds up other writers.
"""

from __future__ import annotations

import errno
import io
import re
import unicodedata
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import IO, Protocol

from app.errors import Refused
from app.preferences import Preferences
from app.storage import Storage, TooLarge
from app.tickets.messages import File
from app.words import N_

MEGABYTE = 1024 * 1024
HEAD = 4096  # bytes of a file that are looked at
LONGEST_NAME = 120
MOST_ENTRIES, MOST_UNPACKED = 10_000, 1024 * MEGABYTE  # a container beyond these is a bomb, not a document

TOO_MANY = N_("You have chosen %(count)s files. At most %(limit)s are possible.")
TOO_LARGE = N_("“%(name)s” is %(size)s MB. The limit is %(limit)s MB per file.")
TOO_MUCH = N_("The files together are %(size)s MB. At most %(limit)s MB are possible.")
EMPTY = N_("“%(name)s” is empty.")
WRONG_KIND = N_("“%(name)s” cannot be sent. Possible are: %(kinds)s.")
NOT_WHAT_IT_SAYS = N_("“%(name)s” is not what its ending says. Save it again and choose the new file.")
NO_ROOM = N_(
    "The files cannot be stored at the moment. Your text is still here: send it without files, or later."
)


class Upload(Protocol):
    """A file as it arrives from a form."""

    @property
    def filename(self) -> str | None: ...

    @property
    def stream(self) -> IO[bytes]: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """How many files one message may have, and how large each and all together may be, in bytes."""

    count: int
    each: int
    together: int

    @classmethod
    def of(cls, preferences: Preferences) -> Limits:
        return cls(
            preferences["file_count"],
            preferences["file_megabytes"] * MEGABYTE,
            preferences["file_total_megabytes"] * MEGABYTE,
        )


# --- kinds -----------------------------------------------------------------------------------------------------------

Check = Callable[[bytes, IO[bytes]], bool]


def _starts(*signs: bytes) -> Check:
    return lambda head, _: head.startswith(signs)


def _webp(head: bytes, _: IO[bytes]) -> bool:
    return head[:4] == b"RIFF" and head[8:12] == b"WEBP"


def _iso_media(*brands: bytes) -> Check:
    """ISO base media files (ISO/IEC 14496-12): the first box is `ftyp` and names the brand."""
    return lambda head, _: head[4:8] == b"ftyp" and (not brands or head[8:12] in brands)


def _pdf(head: bytes, _: IO[bytes]) -> bool:
    return b"%PDF-" in head[:1024]


def _text(head: bytes, _: IO[bytes]) -> bool:
    """Readable text: no control characters but the usual ones, in UTF-8, UTF-16 with a mark, or a one-byte set."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    return not re.search(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]", head)


def _data(head: bytes, stream: IO[bytes]) -> bool:
    """XML as data (an electronic invoice), not a page or a drawing that a browser would run."""
    found = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return (
        found.startswith(b"<")
        and _text(head, stream)
        and not re.search(rb"<!doctype html|<(\w+:)?(html|svg|script)\b", found)
    )


def _zip(*needed: str) -> Check:
    """A zip container with these entries, without macros, of a size that a document has."""

    def check(head: bytes, stream: IO[bytes]) -> bool:
        if not head.startswith(b"PK\x03\x04"):
            return False
        stream.seek(0)
        try:
            with zipfile.ZipFile(stream) as container:  # reads the directory at the end only
                entries = container.infolist()
        except (zipfile.BadZipFile, ValueError, OSError, EOFError, NotImplementedError):
            return False
        names = {entry.filename for entry in entries}
        return (
            len(entries) <= MOST_ENTRIES
            and sum(entry.file_size for entry in entries) <= MOST_UNPACKED
            and all(name in names for name in needed)
            and not any(name.lower().endswith("vbaproject.bin") for name in names)
        )

    return check


_OFFICE = _zip("[Content_Types].xml")
_OPEN_DOCUMENT = _zip("mimetype")
_OOXML = "application/vnd.openxmlformats-officedocument"
_ODF = "application/vnd.oasis.opendocument"

KINDS: dict[str, tuple[str, Check]] = {
    "png": ("image/png", _starts(b"\x89PNG\r\n\x1a\n")),
    "jpg": ("image/jpeg", _starts(b"\xff\xd8\xff")),
    "jpeg": ("image/jpeg", _starts(b"\xff\xd8\xff")),
    "gif": ("image/gif", _starts(b"GIF87a", b"GIF89a")),
    "webp": ("image/webp", _webp),
    "heic": ("image/heic", _iso_media(b"heic", b"heix", b"hevc", b"mif1", b"msf1")),
    "mp4": ("video/mp4", _iso_media()),
    "mov": ("video/quicktime", _iso_media()),
    "pdf": ("application/pdf", _pdf),
    "txt": ("text/plain", _text),
    "log": ("text/plain", _text),
    "csv": ("text/csv", _text),
    "xml": ("application/xml", _data),
    "docx": (f"{_OOXML}.wordprocessingml.document", _OFFICE),
    "xlsx": (f"{_OOXML}.spreadsheetml.sheet", _OFFICE),
    "pptx": (f"{_OOXML}.presentationml.presentation", _OFFICE),
    "odt": (f"{_ODF}.text", _OPEN_DOCUMENT),
    "ods": (f"{_ODF}.spreadsheet", _OPEN_DOCUMENT),
    "odp": (f"{_ODF}.presentation", _OPEN_DOCUMENT),
    "zip": ("application/zip", _zip()),
}
SHOWN_KINDS = "PNG, JPG, GIF, WebP, HEIC, PDF, TXT, CSV, XML, DOCX, XLSX, PPTX, ODT, ODS, MP4, MOV, ZIP"
ACCEPT = ",".join(f".{ending}" for ending in KINDS)


def kind_of(name: str, stream: IO[bytes]) -> str:
    """The content type of a file with this clean name. Raises `Refused` for a kind that is not taken, or a content
    that does not fit the ending."""
    ending = name.rpartition(".")[2].lower() if "." in name else ""
    if ending not in KINDS:
        raise Refused(WRONG_KIND, "attachments", name=name, kinds=SHOWN_KINDS)
    content_type, fits = KINDS[ending]
    stream.seek(0)
    head = stream.read(HEAD)
    if not fits(head, stream):
        raise Refused(NOT_WHAT_IT_SAYS, "attachments", name=name)
    return content_type


# --- names -----------------------------------------------------------------------------------------------------------

RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\.|$)", re.IGNORECASE)
HIDDEN = {
    "Cc",
    "Cf",
    "Cs",
    "Co",
    "Cn",
    "Zl",
    "Zp",
}  # controls, marks of direction, zero width, surrogates, unassigned


def clean_name(given: str | None) -> str:
    """A name that is safe to show and to save under on any system: no folders, nothing invisible, no reserved word.

    The ending stays, so that what it says can be compared with the content.
    """
    name = unicodedata.normalize("NFC", given or "").replace("\\", "/").rpartition("/")[2]
    name = "".join(sign for sign in name if unicodedata.category(sign) not in HIDDEN)
    name = re.sub(r'[<>:"|?*]', "_", " ".join(name.split())).strip(". ")
    if RESERVED.match(name):
        name = f"_{name}"
    stem, dot, ending = name.rpartition(".")
    if len(name) > LONGEST_NAME:
        ending = ending[:10] if dot else ""
        name = f"{(stem or name)[: LONGEST_NAME - len(ending) - 1].rstrip('. ')}{dot}{ending}"
    return name or "file"


# --- into the storage ------------------------------------------------------------------------------------------------


def keep(storage: Storage, uploads: Iterable[Upload], limits: Limits) -> tuple[File, ...]:
    """Store the files of one form, all or none. Fields without a file are passed over.

    Raises `Refused` on the field `attachments`, naming the file; nothing is left in the storage then. Called while no
    session is open.
    """
    chosen = [upload for upload in uploads if upload.filename]
    if len(chosen) > limits.count:
        raise Refused(TOO_MANY, "attachments", count=len(chosen), limit=limits.count)
    measured = [(clean_name(upload.filename), upload.stream, _size(upload.stream)) for upload in chosen]
    for name, _, size in measured:
        if size > limits.each:
            raise Refused(
                TOO_LARGE, "attachments", name=name, size=_megabytes(size), limit=limits.each // MEGABYTE
            )
        if size == 0:
            raise Refused(EMPTY, "attachments", name=name)
    together = sum(size for _, _, size in measured)
    if together > limits.together:
        limit = limits.together // MEGABYTE
        raise Refused(TOO_MUCH, "attachments", size=_megabytes(together), limit=limit)
    for name, stream, size in measured:
        if stream.seek(0, io.SEEK_END) < size:  # the disk was full while it arrived
            raise Refused(NO_ROOM, "attachments")
        kind_of(name, stream)
    kept: list[File] = []
    try:
        for name, stream, _ in measured:
            kept.append(_store(storage, name, stream, limits.each))
    except (OSError, TooLarge) as fault:
        discard(storage, kept)
        if isinstance(fault, OSError) and fault.errno not in (
            errno.ENOSPC,
            errno.EDQUOT,
            errno.EFBIG,
            errno.EIO,
        ):
            raise
        raise Refused(NO_ROOM, "attachments") from fault
    return tuple(kept)


def discard(storage: Storage, files: Iterable[File]) -> None:
    """Remove stored files that no message will name."""
    for file in files:
        storage.delete(file.storage_key)


def _store(storage: Storage, name: str, stream: IO[bytes], limit: int) -> File:
    content_type = kind_of(name, stream)
    stream.seek(0)
    stored = storage.save(stream, limit=limit)  # type: ignore[arg-type]
    return File(stored.key, name, content_type, stored.size, stored.sha256)


def _size(stream: IO[bytes]) -> int:
    """The whole size of an upload, also of what was too much to be taken in (`app.uploads`)."""
    arrived = getattr(stream, "arrived", None)
    return int(arrived) if arrived is not None else stream.seek(0, io.SEEK_END)


def _megabytes(size: int) -> int:
    """Rounded up, so that what is over a limit never looks as if it were not."""
    return -(-size // MEGABYTE)
