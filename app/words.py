"""Marks texts for translation where they are written; they are translated where they are shown (`app.i18n`)."""


def N_(text: str) -> str:
    """The same text; the extraction of translations finds it by this name."""
    return text


class Word(str):
    """A marked text that stands as a value inside another one; it is translated together with that."""

    __slots__ = ()
