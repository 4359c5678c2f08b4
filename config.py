"""The settings of one installation, read once from the environment.

Knows every `PORTAL_*` variable with its type and default (`.env.example` explains them to operators). It must not
know what the settings are used for: `create_app` hands them down as plain values.
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import parse_qs, unquote, urlsplit
from zoneinfo import ZoneInfo

T = TypeVar("T")

SUPPORTED_LANGUAGES = ("de", "en")

# Names other parts of the product will read; known here so that setting one early is not called a typing error.
RESERVED = (
    "PORTAL_IMAP_URL",
    "PORTAL_LMTP",
    "PORTAL_UNDO_SECONDS",
)


class SettingsError(Exception):
    """One or more settings are wrong. `faults` holds a sentence for each."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        super().__init__("The settings are wrong:\n" + "\n".join(f"  - {fault}" for fault in faults))


@dataclass(frozen=True)
class MailTransport:
    """Where letters go: `capture` writes files to the data directory, `smtp` sends."""

    kind: str
    host: str = ""
    port: int = 0
    username: str = ""
    password: str = ""
    tls: str = "none"  # none | starttls | implicit

    def __repr__(self) -> str:  # a password never reaches a log
        return f"MailTransport(kind={self.kind!r}, host={self.host!r}, port={self.port})"


@dataclass(frozen=True)
class Settings:
    """Everything that must be known before the database answers, or that is a secret of the host."""

    data_dir: Path
    database_url: str
    secret_key: str
    base_url: str
    host: str
    port: int
    languages: tuple[str, ...]
    timezone: str
    mail: MailTransport
    mail_from: str
    storage_url: str
    trusted_proxies: int
    rate_limits: bool
    undo_seconds: int
    demo: bool
    web_workers: int
    web_threads: int
    metrics_token: str
    ledger_folders: tuple[Path, ...]
    ledger_keys: tuple[str, ...]
    backup_key: str

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Settings:
        """Read, check and prepare the settings. Raises `SettingsError` naming every fault at once.

        Makes the data directory (mode 0700) and, where `PORTAL_SECRET_KEY` is unset, a key kept in it.
        """
        read = _Reader(environ)
        data_dir = read("PORTAL_DATA_DIR", "instance", _folder)
        host = read("HOST", "127.0.0.1", str)
        port = read("PORT", "8000", _port)
        values = {
            "data_dir": data_dir,
            "host": host,
            "port": port,
            "database_url": read("PORTAL_DATABASE_URL", "", lambda text: _database_url(text, data_dir)),
            "base_url": read("PORTAL_BASE_URL", f"http://{_in_url(host or '')}:{port}", _base_url),
            "languages": read("PORTAL_LANGUAGES", "de,en", _languages),
            "timezone": read("PORTAL_TIMEZONE", "Europe/Berlin", _timezone),
            "mail": read("PORTAL_MAIL_URL", "capture:", _mail_url),
            "mail_from": read("PORTAL_MAIL_FROM", "help@localhost", _address),
            "storage_url": read("PORTAL_STORAGE_URL", "", lambda text: _storage(text, data_dir)),
            "trusted_proxies": read("PORTAL_TRUSTED_PROXIES", "0", lambda text: _number(text, 0, 10)),
            "rate_limits": read("PORTAL_RATE_LIMITS", "on", _switch),
            "undo_seconds": read("PORTAL_UNDO_SECONDS", "10", lambda text: _number(text, 0, 300)),
            "demo": read("PORTAL_DEMO", "0", _switch),
            "web_workers": read("PORTAL_WEB_WORKERS", "2", lambda text: _number(text, 1, 64)),
            "web_threads": read("PORTAL_WEB_THREADS", "4", lambda text: _number(text, 1, 64)),
            "metrics_token": read("PORTAL_METRICS_TOKEN", "", str),
            "ledger_folders": read("PORTAL_LEDGER_URL", "", lambda text: _ledger_folders(text, data_dir)),
            "ledger_keys": read(
                "PORTAL_LEDGER_KEY", "", lambda text: _ledger_keys(text, data_dir), secret=True
            ),
            "backup_key": read("PORTAL_BACKUP_KEY", "", _backup_key, secret=True),
            "secret_key": read("PORTAL_SECRET_KEY", "", lambda text: _secret(text, data_dir), secret=True),
        }
        read.warn_of_unknown()
        if read.faults:
            raise SettingsError(read.faults)
        return cls(**values)  # type: ignore[arg-type]

    @property
    def secure(self) -> bool:
        """True when people reach the portal by https, so that cookies may demand it."""
        return self.base_url.startswith("https://")

    @property
    def search_dir(self) -> Path:
        return self.data_dir / "search"

    @property
    def captured_mail_dir(self) -> Path:
        return self.data_dir / "mail"


class _Reader:
    """Reads variables one by one and collects what is wrong with them."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.faults: list[str] = []
        self.known: set[str] = set(RESERVED)

    def __call__(
        self, name: str, default: str, parse: Callable[[str], T], *, secret: bool = False
    ) -> T | None:
        self.known.add(name)
        text = self.environ.get(name, "").strip() or default
        try:
            return parse(text)
        except ValueError as fault:
            shown = "" if secret or "PASSWORD" in name or "@" in text else f" (it is {text!r})"
            self.faults.append(f"{name}: {fault}{shown}")
            return None

    def warn_of_unknown(self) -> None:
        unknown = sorted(n for n in self.environ if n.startswith("PORTAL_") and n not in self.known)
        for name in unknown:
            print(f"Warning: the setting {name} is unknown and ignored.", file=sys.stderr)  # noqa: T201


def _folder(text: str) -> Path:
    folder = Path(text).expanduser().absolute()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = folder / f".writable-{os.getpid()}-{secrets.token_hex(4)}"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as fault:
        raise ValueError(f"the folder {folder} cannot be written: {fault.strerror or fault}") from None
    return folder


def _port(text: str) -> int:
    return _number(text, 1, 65535)


def _number(text: str, least: int, most: int) -> int:
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise ValueError(f"must be a whole number from {least} to {most}")
    return int(text)


def _in_url(host: str) -> str:
    host = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104 (a comparison, nothing is bound)
    return f"[{host}]" if ":" in host else host


def _database_url(text: str, data_dir: Path | None) -> str:
    if not text:
        return f"sqlite:///{(data_dir or Path()) / 'portal.db'}"
    scheme = text.partition(":")[0]
    if scheme == "sqlite" and text.startswith("sqlite:///") and len(text) > len("sqlite:///"):
        return text
    if scheme in ("postgresql", "postgresql+psycopg") and urlsplit(text).path.strip("/"):
        return "postgresql+psycopg" + text[len(scheme) :]
    raise ValueError("must be sqlite:///FILE or postgresql+psycopg://USER:PASSWORD@HOST/DATABASE")


def _base_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/") or parts.query:
        raise ValueError("must be the address people type, like https://help.company.com, without a path")
    return f"{parts.scheme}://{parts.netloc}"


def _languages(text: str) -> tuple[str, ...]:
    codes = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not codes or any(code not in SUPPORTED_LANGUAGES for code in codes):
        raise ValueError(f"must be one or more of {', '.join(SUPPORTED_LANGUAGES)}, separated by commas")
    return codes


def _timezone(text: str) -> str:
    try:
        ZoneInfo(text)
    except Exception:
        raise ValueError("must be a zone name like Europe/Berlin") from None
    return text


def _mail_url(text: str) -> MailTransport:
    if text == "capture:":
        return MailTransport("capture")
    parts = urlsplit(text)
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise ValueError("must be capture: or smtp://USER:PASSWORD@HOST:PORT?tls=starttls")
    tls = parse_qs(parts.query).get("tls", ["implicit" if parts.scheme == "smtps" else "none"])[0]
    if tls not in ("none", "starttls", "implicit"):
        raise ValueError("its tls= must be none, starttls or implicit")
    port = parts.port or {"none": 25, "starttls": 587, "implicit": 465}[tls]
    return MailTransport(
        "smtp", parts.hostname, port, unquote(parts.username or ""), unquote(parts.password or ""), tls
    )


def _address(text: str) -> str:
    local, at, domain = text.rpartition("@")
    if not local or not at or not domain or any(c.isspace() or c in "<>," for c in text):
        raise ValueError("must be an e-mail address like help@company.com")
    return text


def _storage(text: str, data_dir: Path | None) -> str:
    if not text:
        return str((data_dir or Path()) / "attachments")
    if "://" in text:
        raise ValueError("must be a folder on this host")
    return str(_folder(text))


def _switch(text: str) -> bool:
    if text.lower() in ("1", "on", "true", "yes"):
        return True
    if text.lower() in ("0", "off", "false", "no"):
        return False
    raise ValueError("must be on or off")


def _ledger_folders(text: str, data_dir: Path | None) -> tuple[Path, ...]:
    first = (data_dir or Path()) / "ledger"
    if not text:
        return (first,)
    if "://" in text:
        raise ValueError("must be a folder, best on another disk")
    second = _folder(text)
    if second == first:
        raise ValueError("must be another folder than the ledger in the data directory")
    return (first, second)


def _ledger_keys(text: str, data_dir: Path | None) -> tuple[str, ...]:
    if not text:
        return (_secret("", data_dir, "ledger-key"),)
    keys = tuple(part.strip() for part in text.split(",") if part.strip())
    if any(len(key) < 32 for key in keys):
        raise ValueError("must have at least 32 characters a key, the newest first, separated by commas")
    return keys


def _backup_key(text: str) -> str:
    if text and len(text) < 32:
        raise ValueError("must have at least 32 characters")
    return text


def _secret(text: str, data_dir: Path | None, name: str = "secret-key") -> str:
    if text:
        if len(text) < 32:
            raise ValueError("must have at least 32 characters; leave it unset and one is made")
        return text
    if data_dir is None:
        return ""
    kept = data_dir / name
    try:
        descriptor = os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        key = kept.read_text().strip()
        if len(key) < 32:
            raise ValueError(f"the kept key in {kept} is damaged; restore it from a backup") from None
        return key
    key = secrets.token_urlsafe(48)
    with os.fdopen(descriptor, "w") as file:
        file.write(key + "\n")
        file.flush()
        os.fsync(file.fileno())
    return key
