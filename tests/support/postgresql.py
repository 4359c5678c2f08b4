"""A real PostgreSQL for the tests: `TEST_DATABASE_URL`, else Debian's own started in a temporary folder."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import NullPool

HOW = "run apt-get install -y postgresql, or set TEST_DATABASE_URL=postgresql+psycopg://USER:PASSWORD@HOST/DATABASE"


class Unavailable(Exception):
    """There is no PostgreSQL here; the message says how to get one."""


NEW = ("--no-sync", "-E", "UTF8", "--locale=C")

# Emptying the few filled tables takes a twentieth of the time of cloning a database.
EMPTY_ALL_TABLES = """
DO $$ DECLARE name text; BEGIN
  SET LOCAL lock_timeout = '2s';
  SET LOCAL session_replication_role = replica;
  FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'
  LOOP EXECUTE format('DELETE FROM %I', name); END LOOP;
END $$
"""


class Server:
    """A server whose template database is cloned for a test; the clone is emptied and used again by the next."""

    def __init__(self) -> None:
        self._free: list[str] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: Path | None = None
        self._names = (f"portal_{os.getpid()}_{number}" for number in itertools.count())
        given = os.environ.get("TEST_DATABASE_URL")
        self._admin = make_url(given) if given else self._start()
        self._template = self.create()

    def _start(self) -> URL:
        programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: float(p.parts[-3]))
        if not programs:
            raise Unavailable(f"No PostgreSQL found: {HOW}")
        programs_folder = programs[-1].parent
        self._folder = Path(tempfile.mkdtemp(prefix="pg"))
        as_nobody: list[str] = []
        if os.geteuid() == 0:  # the server refuses to run as root
            shutil.chown(self._folder, "nobody", "nogroup")
            as_nobody = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--pdeathsig=QUIT"]
        data = self._folder / "data"
        made = subprocess.run(
            [*as_nobody, programs_folder / "initdb", "-D", data, "-U", "postgres", "-A", "trust", *NEW],
            capture_output=True,
            cwd=self._folder,
            check=False,
        )
        if made.returncode:
            raise Unavailable(f"initdb failed: {made.stderr.decode(errors='replace').strip()[-300:]}")
        options = {"unix_socket_directories": self._folder, "listen_addresses": "", "fsync": "off"}
        options |= {"synchronous_commit": "on", "full_page_writes": "off", "max_connections": 60}
        with open(self._folder / "log", "wb") as log:
            self._process = subprocess.Popen(
                [
                    *as_nobody,
                    programs_folder / "postgres",
                    "-D",
                    data,
                    *map("--{0[0]}={0[1]}".format, options.items()),
                ],
                stdout=log,
                stderr=log,
                cwd=self._folder,
            )
        return make_url(f"postgresql+psycopg://postgres@/postgres?host={self._folder}")

    def _run(self, statement: str) -> None:
        engine = create_engine(self._admin, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        deadline = time.monotonic() + 20
        while True:
            try:
                with engine.connect() as connection:
                    connection.execute(text(statement))
                return
            except OperationalError:
                ended = self._process is not None and self._process.poll() is not None
                if ended or time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def _url(self, name: str) -> str:
        return self._admin.set(database=name).render_as_string(hide_password=False)

    @property
    def template_url(self) -> str:
        """The database that clones are made of. No connection to it may be open then."""
        return self._url(self._template)

    def create(self, template: str | None = None) -> str:
        name = next(self._names)
        self._run(f'CREATE DATABASE "{name}"' + (f' TEMPLATE "{template}"' if template else ""))
        return name

    def take(self) -> str:
        """The address of a migrated database without rows."""
        return self._free.pop() if self._free else self.clone()

    def clone(self) -> str:
        """The address of a new migrated database."""
        return self._url(self.create(self._template))

    def give_back(self, url: str) -> None:
        """The test is over: the next one may have its database, or nobody when it cannot be emptied."""
        engine = create_engine(url, poolclass=NullPool)
        try:
            with engine.begin() as connection:
                connection.execute(text(EMPTY_ALL_TABLES))
            self._free.append(url)
        except DBAPIError:
            self.drop(url)
        finally:
            engine.dispose()

    def empty(self) -> str:
        """The address of a new empty database."""
        return self._url(self.create())

    def drop(self, url: str) -> None:
        self._run(f'DROP DATABASE IF EXISTS "{make_url(url).database}" WITH (FORCE)')

    def stop(self) -> None:
        if self._process is None:
            for url in (*self._free, self.template_url):
                self.drop(url)
            return
        self._process.send_signal(signal.SIGQUIT)  # nothing in it is worth a clean end
        self._process.wait(timeout=20)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
