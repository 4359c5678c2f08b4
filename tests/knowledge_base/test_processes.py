"""Several processes on one folder, and processes that die in the middle of a write (really killed)."""

import json
import signal
import subprocess
import sys
from pathlib import Path

from knowledge_base.index import Index
from tests.knowledge_base.conftest import Article, Find

ROOT = Path(__file__).parents[2]

_COMMON = """
import os, signal, sys, warnings
warnings.simplefilter("ignore")
from pathlib import Path
from knowledge_base.document import Document, Section
from knowledge_base.index import Index
from knowledge_base.search import search
folder = Path(sys.argv[1])
public = frozenset({"public"})
def article(key, title):
    return Document(key, "de", f"a-{key}", title, "", (), (Section("", "", "Neuer Text."),), "", public, 0)
"""

_DIE = """
import json, pkgutil
def dying(original, at):
    def call(*args, **kwargs):
        if at == "end":
            original(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)
    return call
def die_at(folder, place, name, at, action):
    owner = pkgutil.resolve_name(place)
    index = Index.open(folder)
    setattr(owner, name, dying(getattr(owner, name), at))
    new = [article(1, "Neuer Hebel"), article(3, "Griff")]
    index.replace(new) if action == "replace" else Index.rebuild(folder, new)
for number, point in enumerate(json.loads(sys.argv[2])):
    child = os.fork()
    if not child:
        die_at(folder / str(number), *point)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""

_READ = """
import json, time
index = Index.open(folder)
print("ready", flush=True)
searches, seen, end = 0, set(), time.monotonic() + 30
while time.monotonic() < end:
    found = search(index, "anker", lang="de", audiences=public)
    assert found.hits and found.hits[0].key == 0, found
    for hit in search(index, "neuling", lang="de", audiences=public).hits:
        seen.add(hit.key)
    searches += 1
    if 7 in seen:
        break
print(json.dumps({"searches": searches, "seen": sorted(seen)}))
"""


def run(script: str, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _COMMON + script, *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


POINTS = [
    ("knowledge_base.store", "fields_of", "start"),
    ("knowledge_base.store", "fields_of", "end"),
    ("whoosh.index:TOC", "write", "start"),
    ("whoosh.index:TOC", "write", "end"),
    ("knowledge_base.index", "draw_snapshot", "start"),
    ("knowledge_base.arrayfile", "write", "start"),
    ("knowledge_base.arrayfile", "write", "end"),
    ("knowledge_base.folder:os", "fsync", "start"),
    ("knowledge_base.folder:os", "replace", "start"),
    ("knowledge_base.index", "write_state", "start"),
    ("knowledge_base.folder:json", "dump", "end"),
    ("knowledge_base.index:shutil", "rmtree", "start"),
    ("knowledge_base.store:FileIndex", "latest_generation", "end"),
]


def test_a_killed_writer_leaves_a_working_index(tmp_path: Path, article: Article, find: Find) -> None:
    old = [article(1, "Alter Hebel", "Text."), article(2, "Kurbel", "Text.")]
    points = [(*point, action) for point in POINTS for action in ("replace", "rebuild")]
    for number in range(len(points)):
        Index.rebuild(tmp_path / str(number), old)
    child = run(_DIE, str(tmp_path), json.dumps(points))
    output, errors = child.communicate(timeout=60)
    assert child.returncode == 0, errors
    for number, (point, ended) in enumerate(zip(points, output.split(), strict=True)):
        assert int(ended) == -signal.SIGKILL or point[1:] == ("rmtree", "start", "replace"), (point, errors)
        index = Index.open(tmp_path / str(number))
        new = {1, 2, 3} if point[3] == "replace" else {1, 3}
        assert index.keys() in ({1, 2}, new), point
        title = "Alter Hebel" if index.keys() == {1, 2} else "Neuer Hebel"
        assert find(index, "hebel").hits[0].title == title, point
        index.replace([article(4, "Danach", "Text.")])
        assert Index.open(tmp_path / str(number)).keys() >= {1, 4}
        assert Index.rebuild(tmp_path / str(number), old).keys() == {1, 2}
        left = [path.name for path in (tmp_path / str(number)).rglob("*") if path.suffix in {".part", ".tmp"}]
        assert left == [], point


def test_processes_read_while_one_writes(folder: Path, article: Article) -> None:
    documents = [
        article(0, "Anker", "Fester Text."),
        *(article(n, f"Teil {n}", "Text.") for n in range(10, 40)),
    ]
    index = Index.rebuild(folder, documents)
    readers = [run(_READ, str(folder)) for _ in range(3)]
    for reader in readers:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "ready\n"
    for number in range(1, 7):
        index.replace([article(number, f"Neuling {number}", "Text.")])
    Index.rebuild(folder, [*documents, article(6, "Neuling", "Text.")])
    index.replace([article(7, "Neuling 7", "Text.")])
    for reader in readers:
        output, errors = reader.communicate(timeout=60)
        assert reader.returncode == 0, errors
        assert 7 in json.loads(output)["seen"]


def test_writing_processes_wait_for_each_other(folder: Path) -> None:
    Index.open(folder)
    script = "index = Index.open(folder)\nfor n in range(3):\n    index.replace([article(int(sys.argv[2]) + n, 'Teil')])\n"
    writers = [run(script, str(folder), str(first)) for first in (10, 20)]
    for writer in writers:
        _, errors = writer.communicate(timeout=60)
        assert writer.returncode == 0, errors
    assert Index.open(folder).keys() == {first + n for first in (10, 20) for n in range(3)}
