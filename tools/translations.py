"""Keeps the translations complete.

python tools/translations.py update    take new texts from code and templates into the catalogue
python tools/translations.py check     fail when a text is missing, untranslated, unsure or breaks its placeholders
python tools/translations.py fill FILE take translations from a JSON object {text: translation or [one, many]}
"""

from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parent.parent
CATALOGUE = ROOT / "app/translations/de/LC_MESSAGES/messages.po"
PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]|\{(\w+)\}")
KEYWORDS = {
    "_": None,
    "N_": None,
    "gettext": None,
    "lazy_gettext": None,
    "ngettext": (1, 2),
    "lazy_ngettext": (1, 2),
}


def extracted() -> Catalog:
    """Every text marked in code and templates."""
    with open(ROOT / "babel.cfg") as file:
        methods, options = parse_mapping_cfg(file)
    catalogue = Catalog(project="Auskunft", charset="utf-8")
    for name, line, text, comments, context in extract_from_dir(
        ROOT, methods, options, keywords=KEYWORDS, comment_tags=("Translators:",), strip_comment_tags=True
    ):
        catalogue.add(text, None, [(name, line)], auto_comments=comments, context=context)
    return catalogue


def stored() -> Catalog:
    if not CATALOGUE.exists():
        return Catalog(locale="de", charset="utf-8", project="Auskunft", fuzzy=False)
    with open(CATALOGUE, "rb") as file:
        return read_po(file, locale="de")


def store(catalogue: Catalog) -> None:
    catalogue.header_comment = (
        "# German texts of Auskunft. Kept by tools/translations.py; Sie-form, see docs/architecture.md."
    )
    catalogue.fuzzy = False
    buffer = io.BytesIO()
    write_po(
        buffer,
        catalogue,
        sort_output=True,
        omit_header=False,
        include_lineno=False,
        ignore_obsolete=True,
        width=110,
    )
    text = re.sub(
        rb'"(POT-Creation|PO-Revision|Report-Msgid|Last-Tr|Language-Team|Project-Id|Generated)[^:]*:.*\n',
        b"",
        buffer.getvalue(),
    )
    CATALOGUE.parent.mkdir(parents=True, exist_ok=True)
    # a portal that starts meanwhile reads the one or the other, never a half
    whole = CATALOGUE.with_suffix(".new")
    whole.write_bytes(text)
    whole.replace(CATALOGUE)


def update() -> None:
    catalogue = stored()
    catalogue.update(extracted(), no_fuzzy_matching=True)
    store(catalogue)


def fill(path: Path) -> None:
    catalogue = stored()
    catalogue.update(extracted(), no_fuzzy_matching=True)
    for text, translation in json.loads(path.read_text()).items():
        message = catalogue.get(text)
        if message is not None:
            message.string = tuple(translation) if isinstance(translation, list) else translation
    store(catalogue)


def faults() -> list[str]:
    """What is wrong with the catalogue, a line each."""
    catalogue, found = stored(), []
    for message in extracted():
        if not message.id:
            continue
        known = catalogue.get(message.id)
        name = message.id[0] if isinstance(message.id, tuple) else message.id
        translations = (
            [] if known is None else [known.string] if isinstance(known.string, str) else list(known.string)
        )
        if not translations or not all(translations):
            found.append(f"untranslated: {name!r}")
        elif known is not None and known.fuzzy:
            found.append(f"unsure: {name!r}")
        elif any(_names(text) - _names_of(message.id) for text in translations):
            found.append(f"unknown placeholder: {name!r}")
        elif isinstance(message.id, str) and _names(message.id) - _names(translations[0]):
            found.append(f"lost placeholder: {name!r}")
    return found


def _names(text: str) -> set[str]:
    return {one or other for one, other in PLACEHOLDER.findall(text)}


def _names_of(ids: str | tuple[str, ...]) -> set[str]:
    return set().union(*map(_names, (ids,) if isinstance(ids, str) else ids))


def main(arguments: list[str]) -> int:
    if arguments == ["update"]:
        update()
    elif len(arguments) == 2 and arguments[0] == "fill":
        fill(Path(arguments[1]))
    elif arguments == ["check"]:
        found = faults()
        print("\n".join(found) if found else "translations: complete")
        return 1 if found else 0
    else:
        print(__doc__)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
