"""Servers in processes of their own, on loopback: started, asked, measured and ended."""

from __future__ import annotations

import http.client
import math
import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlencode

ROOT = Path(__file__).parent.parent


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _ask(
    connection: http.client.HTTPConnection, cookie: str, path: str, fields: dict[str, str] | None = None
) -> int:
    headers = {"Cookie": cookie} if cookie else {}
    if fields is None:
        connection.request("GET", path, headers=headers)
    else:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection.request("POST", path, urlencode(fields), headers)
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != (200 if fields is None else 303):
        raise RuntimeError(f"{path}: {answer.status}")
    return len(body)


class Server:
    """A command that serves on a port. `cold_start` is the time from its start to its first page, in seconds."""

    def __init__(self, command: list[str], port: int, environ: dict[str, str], first_page: str) -> None:
        self.port = port
        self.cookie = ""
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        began = time.perf_counter()
        clean = {name: value for name, value in os.environ.items() if not name.startswith("PORTAL_")}
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=clean | environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        while not self._is_up(first_page):
            if self.process.poll() is not None or time.perf_counter() - began > 60:
                raise SystemExit(f"{command[2:4]} did not start")
            time.sleep(0.01)
        self.cold_start = time.perf_counter() - began

    def _is_up(self, path: str) -> bool:
        try:
            self.get(path)
        except OSError:
            self._connection.close()
            return False
        return True

    def get(self, path: str, fields: dict[str, str] | None = None) -> tuple[float, int]:
        """One page, or one form that is sent: seconds and bytes. Raises `RuntimeError` unless it succeeds."""
        began = time.perf_counter()
        size = _ask(self._connection, self.cookie, path, fields)
        return time.perf_counter() - began, size

    def rate(self, paths: list[str], *, connections: int = 8, seconds: float = 2.0) -> float:
        """Pages a second, asked on several connections at once."""
        end = time.perf_counter() + seconds

        def ask(first: int) -> int:
            connection, count = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60), 0
            while time.perf_counter() < end:
                _ask(connection, self.cookie, paths[(first + count) % len(paths)])
                count += 1
            connection.close()
            return count

        with ThreadPoolExecutor(connections) as pool:
            return sum(pool.map(ask, range(connections))) / seconds

    def memory(self) -> float:
        """Proportional memory of the process and its children, in MiB (Linux; nan elsewhere)."""
        total = 0
        for pid in self._family():
            try:
                text = Path(f"/proc/{pid}/smaps_rollup").read_text()
            except OSError:
                continue
            total += sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))
        return total / 1024 if total else math.nan

    def _family(self) -> list[int]:
        children: dict[int, list[int]] = {}
        for path in Path("/proc").glob("[0-9]*"):
            try:
                parent = int((path / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(path.name))
        found, waiting = [], [self.process.pid]
        while waiting:
            pid = waiting.pop()
            found.append(pid)
            waiting += children.get(pid, [])
        return found

    def stop(self) -> None:
        self._connection.close()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def portal(data_dir: Path) -> Server:
    """The portal as `make run` starts it, with its worker."""
    port = free_port()
    environ = {"PORTAL_DATA_DIR": str(data_dir), "PORT": str(port), "PORTAL_RATE_LIMITS": "off"}
    return Server([sys.executable, "-W", "ignore", "-m", "app.serve"], port, environ, "/de/")


def floor(database: Path) -> Server:
    """The floor with as many processes and threads as the portal."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "bench.floor:app", "-b", f"127.0.0.1:{port}"]
    command += ["-k", "gthread", "-w", "2", "--threads", "4", "--keep-alive", "30"]
    return Server(command, port, {"FLOOR_DB": str(database)}, "/")


def percentile(samples: list[float], share: float) -> float:
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)]
