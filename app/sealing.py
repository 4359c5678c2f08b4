"""Encrypting a stream of bytes under a key of words: for backups. Knows nothing of what is in it.

Blocks of AES-256-GCM; the nonce is the block's number with a mark on the last one, so that blocks can neither be
changed, reordered nor cut off. The key is derived by scrypt with a fresh salt for each file, so no nonce is used twice.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

MAGIC = b"AUSKUNFT-SEALED-1\n"
BLOCK = 1024 * 1024
TAG = 16
SALT = 16


class WrongKey(Exception):
    """The key is not the one the file was sealed with, or the file was changed or cut off."""


class SealedWriter(io.RawIOBase):
    """A file to write to; `close()` writes the last block. What is not closed cannot be opened."""

    def __init__(self, target: BinaryIO, key: str) -> None:
        salt = os.urandom(SALT)
        self._target, self._cipher, self._number = target, _cipher(key, salt), 0
        self._waiting = bytearray()
        target.write(MAGIC + salt)

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        piece = bytes(data)  # type: ignore[call-overload]
        self._waiting += piece
        while len(self._waiting) > BLOCK:
            self._seal(bytes(self._waiting[:BLOCK]), last=False)
            del self._waiting[:BLOCK]
        return len(piece)

    def close(self) -> None:
        if not self.closed:
            self._seal(bytes(self._waiting), last=True)
            self._waiting.clear()
        super().close()

    def _seal(self, piece: bytes, *, last: bool) -> None:
        self._target.write(self._cipher.encrypt(_nonce(self._number, last), piece, None))
        self._number += 1


def is_sealed(source: BinaryIO) -> bool:
    """Whether a file is sealed. Leaves the position at its start."""
    found = source.read(len(MAGIC)) == MAGIC
    source.seek(0)
    return found


def unseal(source: BinaryIO, key: str) -> Iterator[bytes]:
    """The blocks of a sealed file. Raises `WrongKey` before giving a block that was changed, and at the end of a file
    that was cut off."""
    source.seek(len(MAGIC))
    cipher, number = _cipher(key, source.read(SALT)), 0
    piece = source.read(BLOCK + TAG)
    while True:
        following = source.read(BLOCK + TAG)
        try:
            yield cipher.decrypt(_nonce(number, last=not following), piece, None)
        except InvalidTag:
            raise WrongKey from None
        if not following:
            return
        piece, number = following, number + 1


def _cipher(key: str, salt: bytes) -> AESGCM:
    return AESGCM(Scrypt(salt=salt, length=32, n=2**15, r=8, p=1).derive(key.encode()))


def _nonce(number: int, last: bool) -> bytes:
    return number.to_bytes(11, "big") + (b"\x01" if last else b"\x00")
