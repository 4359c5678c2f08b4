"""A real SMTP server as sink, which can also refuse, stall and hang up."""

from __future__ import annotations

import asyncio
import email
import email.policy
import socket
import threading
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP


class SmtpServer:
    """What it accepted is in `messages`; `mood` says how it treats the next ones.

    `accept` | `refuse` (550 to the recipient) | `later` (451) | `full` (552 to the content) | `hang` (no answer to the
    content) | `drop` (hangs up after the content, without an answer)
    """

    def __init__(self) -> None:
        self.mood = "accept"
        self.messages: list[EmailMessage] = []
        self.raw: list[bytes] = []
        self._loop = asyncio.new_event_loop()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._server: Any = None
        self._thread = threading.Thread(target=self._serve, name="smtp", daemon=True)
        ready = threading.Event()
        self._loop.call_soon(ready.set)
        self._thread.start()
        ready.wait(5)

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        starting = self._loop.create_server(
            lambda: SMTP(self, hostname="sink", loop=self._loop), sock=self._socket
        )
        self._server = self._loop.run_until_complete(starting)
        self._loop.run_forever()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if self.mood == "refuse":
            return "550 5.1.1 no such mailbox"
        if self.mood == "later":
            return "451 4.3.0 try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.mood == "full":
            return "552 5.2.2 too much"
        if self.mood == "hang":
            await asyncio.sleep(3600)
        if self.mood == "drop":
            server.transport.abort()
            return "421 gone"
        self.raw.append(envelope.original_content)
        message = email.message_from_bytes(envelope.original_content, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        self.messages.append(message)
        return "250 OK"

    def stop(self) -> None:
        def close() -> None:
            self._server.close()
            self._loop.stop()

        self._loop.call_soon_threadsafe(close)
        self._thread.join(10)
