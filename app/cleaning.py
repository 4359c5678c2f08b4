"""Text from outside without what neither database nor page can hold. Pure."""

from __future__ import annotations

import re

CONTROL = {code: None for code in range(32) if chr(code) not in "\t\n\r"} | {127: None}
_HALF_SIGN = re.compile("[\ud800-\udfff]")  # JSON can carry one; UTF-8 cannot


def clean(text: str | None) -> str | None:
    """Text without NUL and other control characters (PostgreSQL refuses NUL), line ends as one sort."""
    if text is None:
        return None
    return _HALF_SIGN.sub("\ufffd", text.translate(CONTROL)).replace("\r\n", "\n").replace("\r", "\n")


def clean_line(text: str | None) -> str | None:
    """Text that belongs on one line, without outer space."""
    return None if text is None else " ".join((clean(text) or "").split())
