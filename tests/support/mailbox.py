"""Captured letters, as a mail program would read them."""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path


class Mailbox:
    """The folder of captured mail, read anew at each look; oldest first."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __iter__(self) -> Iterator[EmailMessage]:
        for path in sorted(self.folder.glob("*.eml"), key=lambda path: path.stat().st_mtime_ns):
            message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            assert isinstance(message, EmailMessage)
            yield message

    def __len__(self) -> int:
        return len(list(self.folder.glob("*.eml")))

    def to(self, address: str) -> list[EmailMessage]:
        """All letters to one address."""
        return [message for message in self if message["To"].addresses[0].addr_spec == address]

    def last(self, address: str) -> EmailMessage:
        """The newest letter to one address."""
        found = self.to(address)
        assert found, f"no letter to {address}"
        return found[-1]


def text_of(message: EmailMessage) -> str:
    """The plain text of a letter."""
    body = message.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def link_in(message: EmailMessage, part: str = "") -> str:
    """The first address in a letter that contains `part`."""
    for address in re.findall(r"https?://[^\s<>]+", text_of(message)):
        if part in address:
            return str(address)
    raise AssertionError(f"no link with {part!r} in the letter")
