"""Fails when a lock file does not fit the readable requirements, without asking the network.

Every pin of requirements*.txt must be in its lock file with the same version, everything locked must have a hash, both
lock files must agree, and what is installed must be what is locked.
"""

from __future__ import annotations

import re
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).parent.parent
PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[\w,-]+\])?(?:==([^\s;\\]+))?\s*(;[^\\]*)?(\\)?$")


def name_of(text: str) -> str:
    """The canonical spelling of a package's name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", text).lower()


def read(path: Path) -> dict[str, tuple[str | None, str]]:
    """Version and marker of each package a requirements or lock file names."""
    found: dict[str, tuple[str | None, str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        match = PIN.match(line.split(" #")[0].rstrip()) if line and line[0] not in " #-" else None
        if match:
            found[name_of(match[1])] = (match[2], (match[3] or "").strip("; \\"))
    return found


def faults() -> list[str]:
    """What does not fit, a sentence each."""
    told = []
    locks = {name: read(ROOT / f"{name}.lock") for name in ("requirements", "requirements-dev")}
    for name, lock in locks.items():
        for package, (wanted, _) in read(ROOT / f"{name}.txt").items():
            if package not in lock:
                told.append(f"{package} of {name}.txt is not in {name}.lock")
            elif wanted and lock[package][0] != wanted:
                told.append(f"{package} is {wanted} in {name}.txt and {lock[package][0]} in {name}.lock")
        unhashed = [
            p for p in re.split(r"\n(?=\S)", (ROOT / f"{name}.lock").read_text()) if "==" in p.split("\n")[0]
        ]
        told += [f"{p.split()[0]} has no hash in {name}.lock" for p in unhashed if "--hash=" not in p]
    for package, (locked, _) in locks["requirements"].items():
        other = locks["requirements-dev"].get(package, (None, ""))[0]
        if other != locked:
            told.append(f"{package} is {locked} in requirements.lock and {other} in requirements-dev.lock")
    for package, (locked, marker) in locks["requirements-dev"].items():
        try:
            installed = version(package)
        except PackageNotFoundError:
            if not marker:
                told.append(f"{package} is locked but not installed")
            continue
        if installed != locked:
            told.append(f"{package} {installed} is installed, {locked} is locked")
    return told


if __name__ == "__main__":
    found = faults()
    for sentence in found:
        print(sentence, file=sys.stderr)
    if found:
        print("Run: make lock", file=sys.stderr)
    sys.exit(bool(found))
