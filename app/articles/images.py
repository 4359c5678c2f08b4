"""Images of articles: read, drawn anew (so nothing but the picture survives: no place, no camera, no script), kept."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import PurePath
from typing import IO, Any

from PIL import Image, ImageOps, ImageSequence, UnidentifiedImageError
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import audit
from app.articles.models import Media
from app.articles.service import Door
from app.articles.slugs import slug_of
from app.errors import Refused
from app.storage import Storage, StoredFile
from app.words import N_

FORMATS = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "GIF": "image/gif"}
MOST_PIXELS = 30_000_000  # all frames together; drawing takes four bytes each
KEPT_INFO = ("transparency", "duration", "loop")  # what an animation needs; everything else is dropped


@dataclass(frozen=True, slots=True)
class Picture:
    """An image drawn anew."""

    content: bytes
    content_type: str
    width: int
    height: int


def drawn(stream: IO[bytes]) -> Picture:
    """The picture in an uploaded file. Raises `Refused` for anything else and for too many pixels."""
    try:
        with Image.open(stream, formats=tuple(FORMATS)) as image:
            frames = getattr(image, "n_frames", 1)
            if image.width * image.height * frames > MOST_PIXELS:
                raise Refused(
                    N_("The image has more than %(limit)d million pixels."),
                    "image",
                    limit=MOST_PIXELS // 10**6,
                )
            kind = str(image.format)
            content, size = _draw(image, kind, frames)
    except Refused:
        raise
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError, EOFError):
        raise Refused(N_("This is no PNG, JPEG, WebP or GIF image."), "image") from None
    return Picture(content, FORMATS[kind], *size)


def _draw(image: Image.Image, kind: str, frames: int) -> tuple[bytes, tuple[int, int]]:
    made = io.BytesIO()
    if frames > 1 and kind in ("GIF", "WEBP"):
        pictures = [_bare(frame.copy()) for frame in ImageSequence.Iterator(image)]
        pictures[0].save(made, kind, save_all=True, append_images=pictures[1:])
        return made.getvalue(), pictures[0].size
    picture = _bare(ImageOps.exif_transpose(image) or image)
    options: dict[str, Any] = {"quality": 88} if kind in ("JPEG", "WEBP") else {}
    if kind == "JPEG" and picture.mode not in ("RGB", "L"):
        picture = picture.convert("RGB")
    picture.save(made, kind, **options)
    return made.getvalue(), picture.size


def _bare(picture: Image.Image) -> Image.Image:
    picture.info = {name: picture.info[name] for name in KEPT_INFO if name in picture.info}
    return picture


def file_name(given: str, content_type: str) -> str:
    """A readable name for addresses, with the ending that fits the content."""
    ending = {"image/jpeg": "jpg"}.get(content_type) or content_type.rpartition("/")[2]
    return f"{slug_of(PurePath(given.replace(chr(92), '/')).stem)}.{ending}"


def store(storage: Storage, picture: Picture) -> StoredFile:
    """Put a picture into the storage; done before its row, outside any transaction."""
    return storage.save(io.BytesIO(picture.content), limit=len(picture.content))


def add(
    session: Session, picture: Picture, stored: StoredFile, *, name: str, article_id: int, door: Door
) -> Media:
    """The row of a stored picture."""
    row = Media(
        article_id=article_id,
        storage_key=stored.key,
        name=file_name(name, picture.content_type),
        content_type=picture.content_type,
        size=stored.size,
        sha256=stored.sha256,
        width=picture.width,
        height=picture.height,
        uploaded_by_id=door.actor_id,
        created_at=door.now,
    )
    session.add(row)
    session.flush()
    audit.record(
        session,
        actor_id=door.actor_id,
        action="article.image",
        object_kind="article",
        object_id=article_id,
        at=door.now,
        through=door.through,
        media_id=row.id,
    )
    return row


def markdown(row: Media, alt: str) -> str:
    """What shows the image in a text. An empty `alt` says that it is decoration."""
    words = "".join(" " if sign in "[]\\\n" else sign for sign in alt).strip()
    return f"![{words}](/media/{row.id}/{row.name})"


def known_files(session: Session) -> set[str]:
    """The storage keys of all images of articles."""
    return set(session.scalars(select(Media.storage_key)))
