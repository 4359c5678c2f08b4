"""The real server: starts, refuses to start with one clear message, ends cleanly, ends when a part dies."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from app import schema
from tests.support.live import Live, free_port, is_alive, wait_for

Make = Callable[..., Live]

LINUX = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads the process table of Linux")


def everybody_ended(family: dict[str, list[int]]) -> None:
    for pids in family.values():
        for pid in pids:
            wait_for(lambda pid=pid: not is_alive(pid), 60, f"the end of process {pid}")  # type: ignore[misc]


@LINUX
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_starts_serves_and_ends_cleanly(live: Make, number: signal.Signals) -> None:
    server = live(PORTAL_WEB_WORKERS="2").start()
    wait_for(lambda: server.status("/readyz") == 200, 30, "readiness")
    wait_for(lambda: len(server.family()["web process"]) == 2, 30, "both web processes")
    family = server.family()
    assert [len(family[name]) for name in ("parent", "worker", "web server")] == [1, 1, 1]
    assert f"The portal runs at {server.url}/" in server.output()
    assert server.process is not None
    server.process.send_signal(number)
    assert server.process.wait(60) == 0
    everybody_ended(family)
    assert list((server.data_dir / "workers").iterdir()) == []
    assert "Traceback" not in server.output()


@LINUX
@pytest.mark.parametrize("victim", ["worker", "web server"])
def test_when_one_dies_the_other_is_stopped_and_the_status_says_so(live: Make, victim: str) -> None:
    server = live().start()
    family = server.family()
    os.kill(family[victim][0], signal.SIGKILL)
    assert server.process is not None
    assert server.process.wait(60) == 1
    everybody_ended(family)
    assert f"The {victim} ended unexpectedly" in server.output()


@LINUX
def test_nobody_outlives_a_killed_parent(live: Make) -> None:
    server = live().start()
    family = server.family()
    os.kill(family["parent"][0], signal.SIGKILL)
    assert server.process is not None
    server.process.wait(60)
    everybody_ended(family)


@LINUX
def test_a_long_search_is_answered_and_a_killed_web_process_replaced(live: Make) -> None:
    server = live().start()
    assert server.status("/healthz?q=" + "%C3%A4" * 5000) == 200, "an address of 5,000 umlauts"
    (old,) = server.family()["web process"]
    os.kill(old, signal.SIGKILL)
    wait_for(lambda: server.family()["web process"] not in ([], [old]), 30, "the new process")
    wait_for(server.answers, 30, "an answer")
    assert server.stop() == 0


def test_a_port_in_use_is_named_with_the_way_out(live: Make) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        status, told = live(PORT=str(port)).run_to_end()
    assert status == 2
    assert f"the port {port} on 127.0.0.1 is in use" in told
    assert f"PORT={port + 1} make run" in told or "PORT=8000 make run" in told
    assert "Traceback" not in told


def test_wrong_settings_are_named_all_at_once(live: Make) -> None:
    status, told = live(PORTAL_TIMEZONE="Mars", PORTAL_DEMO="maybe", PORTAL_LANGUAGES="xx").run_to_end()
    assert status == 2
    assert all(name in told for name in ("PORTAL_TIMEZONE", "PORTAL_DEMO", "PORTAL_LANGUAGES"))
    assert "Traceback" not in told


def test_a_data_directory_that_cannot_be_written_is_named(live: Make, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    status, told = live(tmp_path / "file").run_to_end()
    assert status == 2
    assert f"PORTAL_DATA_DIR: the folder {tmp_path / 'file'} cannot be written" in told
    assert "Traceback" not in told


def test_a_newer_database_is_left_alone(live: Make, tmp_path: Path, migrated_file: Path) -> None:
    server = live(tmp_path / "newer")
    server.data_dir.mkdir()
    database = server.data_dir / "portal.db"
    database.write_bytes(migrated_file.read_bytes())
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    before = database.read_bytes()
    status, told = server.run_to_end()
    assert status == 2
    assert "newer version of the portal (it stands at 9999)" in told
    assert "Traceback" not in told
    assert database.read_bytes() == before


def test_an_older_database_is_migrated(live: Make, tmp_path: Path) -> None:
    server = live(tmp_path / "older")
    server.data_dir.mkdir()
    url = f"sqlite:///{server.data_dir / 'portal.db'}"
    schema.upgrade(url, "0001")
    server.start()
    assert schema.current(url) == schema.head()
    assert server.stop() == 0


def test_an_unreachable_database_is_told_without_its_password(live: Make) -> None:
    url = f"postgresql+psycopg://portal:hidden@127.0.0.1:{free_port()}/portal"
    status, told = live(PORTAL_DATABASE_URL=url).run_to_end()
    assert status == 2
    assert "PORTAL_DATABASE_URL: the database does not answer" in told
    assert "hidden" not in told
    assert "Traceback" not in told


def test_behind_a_proxy_nobody_is_local(live: Make) -> None:
    """An address that is trusted to tell whom it speaks for is not taken for this host itself."""
    proxied = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}
    token = {"Authorization": "Bearer " + "t" * 20}
    server = live(PORTAL_TRUSTED_PROXIES="1", PORTAL_METRICS_TOKEN="t" * 20).start()
    assert server.status("/metrics") == 200
    assert server.status("/metrics", **proxied) == 404
    assert server.status("/metrics", **proxied, **token) == 200
