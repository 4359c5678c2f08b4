"""The real server in processes of its own, as `make run` starts it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

ROOT = Path(__file__).parent.parent.parent
T = TypeVar("T")


def wait_for(condition: Callable[[], T], seconds: float = 60, what: str = "the condition") -> T:
    """What the condition gives once it is true. Fails after the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come true in {seconds} s")
        time.sleep(0.02)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


class Live:
    """`python -m app.serve` on a free port. Its output is in `log`."""

    def __init__(self, data_dir: Path, **environ: str) -> None:
        self.data_dir = data_dir
        self.port = int(environ.pop("PORT", 0)) or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("PORTAL_")}
        self.environ = inherited | {
            "PORTAL_DATA_DIR": str(data_dir),
            "PORTAL_WEB_WORKERS": "1",
            "PORT": str(self.port),
            "PYTHONUNBUFFERED": "1",
            **environ,
        }
        self.log = data_dir.with_name(f"{data_dir.name}.log")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Live:
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "app.serve"], cwd=ROOT, env=self.environ, stdout=log, stderr=log
            )
        wait_for(self._answers_or_ended, what="the server's first page")
        assert self.process.poll() is None, self.output()
        return self

    def _answers_or_ended(self) -> bool:
        assert self.process is not None
        return self.process.poll() is not None or self.answers()

    def answers(self) -> bool:
        try:
            urllib.request.urlopen(f"{self.url}/healthz", timeout=5).close()
        except urllib.error.HTTPError as answer:
            answer.close()
        except OSError:
            return False
        return True

    def status(self, path: str, **headers: str) -> int:
        """The status with which a GET is answered."""
        request = urllib.request.Request(self.url + path, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as refused:
            refused.close()
            return refused.code

    def run_to_end(self, seconds: float = 90) -> tuple[int, str]:
        """Start it where it is expected to refuse. Gives the exit status and all that was printed."""
        ended = subprocess.run(
            [sys.executable, "-m", "app.serve"],
            cwd=ROOT,
            env=self.environ,
            capture_output=True,
            timeout=seconds,
            check=False,
        )
        return ended.returncode, (ended.stdout + ended.stderr).decode()

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def family(self) -> dict[str, list[int]]:
        """Process ids of the parent, the worker, the web server and its processes."""
        assert self.process is not None
        children = _children(self.process.pid)
        web = [pid for pid in children if _children(pid)]
        return {
            "parent": [self.process.pid],
            "worker": [pid for pid in children if pid not in web],
            "web server": web,
            "web process": [pid for parent in web for pid in _children(parent)],
        }

    def kill(self) -> None:
        """kill -9 of every process at once, as a power cut."""
        for pids in self.family().values():
            for pid in pids:
                os.kill(pid, signal.SIGKILL)
        assert self.process is not None
        self.process.wait(timeout=60)

    def stop(self) -> int:
        """Ask it to stop; gives its exit status."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(timeout=60)


def _children(pid: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = re.sub(r"\(.*\)", "()", path.read_text()).split()
        except OSError:
            continue
        if int(fields[3]) == pid and fields[2] != "Z":
            found.append(int(fields[0]))
    return found


def is_alive(pid: int) -> bool:
    """Whether a process runs (a dead one that nobody waited for does not)."""
    try:
        return re.sub(r"\(.*\)", "()", Path(f"/proc/{pid}/stat").read_text()).split()[2] != "Z"
    except OSError:
        return False
