"""Sealed files: what was written comes back, and nothing that was touched does."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app import sealing

KEY = "a key of words for these tests only"


def sealed(*pieces: bytes, key: str = KEY) -> bytes:
    target = io.BytesIO()
    with sealing.SealedWriter(target, key) as writer:
        for piece in pieces:
            writer.write(piece)
    return target.getvalue()


def unsealed(content: bytes, key: str = KEY) -> bytes:
    return b"".join(sealing.unseal(io.BytesIO(content), key))


@settings(max_examples=8, deadline=None)
@given(
    st.lists(st.binary(max_size=200), max_size=5),
    st.sampled_from([0, 1, 1024 * 1024 - 1, 1024 * 1024, 2_500_000]),
)
def test_what_was_written_comes_back(pieces: list[bytes], padding: int) -> None:
    pieces = [*pieces, b"x" * padding]
    assert unsealed(sealed(*pieces)) == b"".join(pieces)


def test_the_content_is_not_in_the_file() -> None:
    assert b"confidential" not in sealed(b"confidential")


def test_two_files_of_the_same_content_differ() -> None:
    assert sealed(b"same") != sealed(b"same")


def test_another_key_is_refused() -> None:
    with pytest.raises(sealing.WrongKey):
        unsealed(sealed(b"text"), "another key, also long enough here")


def test_a_changed_byte_is_noticed() -> None:
    content = bytearray(sealed(b"x" * 3_000_000))
    content[2_000_000] ^= 1
    with pytest.raises(sealing.WrongKey):
        unsealed(bytes(content))


def test_a_file_cut_off_at_a_block_is_noticed() -> None:
    content = sealed(b"x" * 3_000_000)
    head = len(sealing.MAGIC) + sealing.SALT
    with pytest.raises(sealing.WrongKey):
        unsealed(content[: head + 2 * (sealing.BLOCK + sealing.TAG)])


def test_swapped_blocks_are_noticed() -> None:
    content = sealed(b"a" * sealing.BLOCK + b"b" * sealing.BLOCK + b"c")
    head, block = len(sealing.MAGIC) + sealing.SALT, sealing.BLOCK + sealing.TAG
    first, second = content[head : head + block], content[head + block : head + 2 * block]
    with pytest.raises(sealing.WrongKey):
        unsealed(content[:head] + second + first + content[head + 2 * block :])
