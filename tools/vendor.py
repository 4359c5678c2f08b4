"""Refreshes the browser files of other projects that the portal ships, from their npm tarballs.

Knows which package gives which file and which icons the sprite holds. Running or testing the portal
needs neither npm nor this script: the files, their licences and `manifest.json` are in the repository.

    python tools/vendor.py            fetch the pinned versions, write files, licences and manifest
    python tools/vendor.py --check    compare the files with the manifest; needs no network
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STATIC = ROOT / "app" / "static"
VENDOR = STATIC / "vendor"
MANIFEST = VENDOR / "manifest.json"


@dataclass(frozen=True)
class Package:
    """One npm package: what is taken from its tarball and where it goes, relative to the project."""

    name: str
    version: str
    licence: str
    files: dict[str, str]


PACKAGES = (
    Package("htmx.org", "2.0.10", "0BSD", {"dist/htmx.min.js": "app/static/vendor/htmx.js"}),
    Package("@github/combobox-nav", "3.0.2", "MIT", {"dist/index.js": "app/static/vendor/combobox-nav.js"}),
    Package(
        "@github/markdown-toolbar-element",
        "2.2.3",
        "MIT",
        {"dist/index.js": "app/static/vendor/markdown-toolbar-element.js"},
    ),
    Package(
        "@fontsource-variable/inter",
        "5.3.0",
        "OFL-1.1",
        {"files/inter-latin-wght-normal.woff2": "app/static/vendor/inter-latin.woff2"},
    ),
    Package("axe-core", "4.14.1", "MPL-2.0", {"axe.min.js": "tests/vendor/axe.min.js"}),
)
LUCIDE = Package("lucide-static", "1.62.0", "ISC", {})
SPRITE = "app/static/icons.svg"

# The sprite holds only what templates and scripts name; `--check` finds a name that is missing here.
ICONS = """
activity arrow-left arrow-right ban bell bold book-open book-text building-2 calendar check chevron-down
chevron-left chevron-right circle-alert circle-check circle-help circle-user clock code copy download
external-link eye eye-off file-text folder globe heading history house image inbox info italic key-round
languages layout-grid life-buoy lightbulb link list list-ordered lock log-in log-out mail menu monitor
moon paperclip pause pencil plus printer quote rotate-ccw scroll-text search send settings shield star sun tag
thumbs-down thumbs-up trash-2 triangle-alert undo-2 upload user users x
"""


def main() -> int:
    """Fetch or check, as asked. Returns the exit code."""
    parser = argparse.ArgumentParser(description="Refresh or check the vendored browser files.")
    parser.add_argument("--check", action="store_true", help="only compare the files with the manifest")
    if parser.parse_args().check:
        return check()
    refresh()
    return check()


def refresh() -> None:
    """Fetch every pinned package and write its files, licence text and manifest row."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for package in PACKAGES:
            with _tarball(package, Path(folder)) as tar:
                for source, target in package.files.items():
                    _write(ROOT / target, _member(tar, source))
                rows += [_row(package, target) for target in package.files.values()]
                _write(_licence_path(package), _member(tar, "LICENSE"))
        with _tarball(LUCIDE, Path(folder)) as tar:
            _write(ROOT / SPRITE, _sprite(tar).encode())
            rows.append(_row(LUCIDE, SPRITE))
            _write(_licence_path(LUCIDE), _member(tar, "LICENSE"))
    _write(MANIFEST, (json.dumps(rows, indent=2) + "\n").encode())


def check() -> int:
    """Return 0 if all files have the sha256 of the manifest and the sprite has all icons, else say which not."""
    wrong = [
        row["file"]
        for row in json.loads(MANIFEST.read_text())
        if _sha256(ROOT / row["file"]) != row["sha256"]
    ]
    for file in wrong:
        sys.stderr.write(f"{file} differs from {MANIFEST.relative_to(ROOT)}\n")
    missing = _named_icons() - set(ICONS.split())
    for icon in sorted(missing):
        sys.stderr.write(f"icon {icon!r} is named in a template but missing in ICONS of tools/vendor.py\n")
    return 1 if wrong or missing else 0


def _named_icons() -> set[str]:
    """Icons that templates name as a literal: icon('x'), draw('x'), icon='x'."""
    pages = (page.read_text() for page in (ROOT / "app" / "templates").rglob("*.html"))
    named = re.compile(r"""\b(?:icon|draw)(?:\(|=)["']([a-z0-9-]+)["']""")
    return {name for page in pages for name in named.findall(page)}


def _tarball(package: Package, folder: Path) -> tarfile.TarFile:
    named = f"{package.name}@{package.version}"
    done = subprocess.run(
        ["npm", "pack", "--silent", named], cwd=folder, check=True, capture_output=True, text=True
    )
    return tarfile.open(folder / done.stdout.strip())


def _member(tar: tarfile.TarFile, name: str) -> bytes:
    file = tar.extractfile(f"package/{name}")
    if file is None:
        raise FileNotFoundError(name)
    return file.read()


def _sprite(tar: tarfile.TarFile) -> str:
    """One SVG with a <symbol> per icon; stroke and colour come from `.icon` in base.css."""
    symbols = []
    for icon in ICONS.split():
        svg = _member(tar, f"icons/{icon}.svg").decode()
        shapes = re.sub(
            r"\s+", " ", svg[svg.index(">", svg.index("<svg")) + 1 : svg.rindex("</svg>")]
        ).strip()
        symbols.append(f'<symbol id="{icon}" viewBox="0 0 24 24">{shapes.replace("> <", "><")}</symbol>')
    note = f"<!-- {LUCIDE.name} {LUCIDE.version}, {LUCIDE.licence}; written by tools/vendor.py -->"
    return f'{note}\n<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n"


def _row(package: Package, target: str) -> dict[str, str]:
    return {
        "file": target,
        "name": package.name,
        "version": package.version,
        "licence": package.licence,
        "licence_text": str(_licence_path(package).relative_to(ROOT)),
        "sha256": _sha256(ROOT / target),
    }


def _licence_path(package: Package) -> Path:
    return VENDOR / "licences" / f"{package.name.split('/')[-1]}.txt"


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else ""


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


if __name__ == "__main__":
    sys.exit(main())
