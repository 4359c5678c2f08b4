"""Settings: defaults, every fault named at once, the made key, secrets that stay secret."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import replace
from pathlib import Path

import pytest

import config
from config import MailTransport, Settings, SettingsError


def read(tmp_path: Path, **environ: str) -> Settings:
    return Settings.from_env({"PORTAL_DATA_DIR": str(tmp_path / "data"), **environ})


def test_defaults(tmp_path: Path) -> None:
    settings = read(tmp_path)
    assert settings.database_url == f"sqlite:///{tmp_path / 'data' / 'portal.db'}"
    assert (settings.host, settings.port, settings.base_url) == ("127.0.0.1", 8000, "http://127.0.0.1:8000")
    assert settings.languages == ("de", "en")
    assert settings.mail == MailTransport("capture")
    assert settings.rate_limits
    assert not settings.demo
    assert not settings.secure
    assert stat.S_IMODE(settings.data_dir.stat().st_mode) == 0o700


def test_every_fault_is_named_at_once(tmp_path: Path) -> None:
    wrong = {
        "PORT": "80000",
        "PORTAL_DATABASE_URL": "mysql://x/y",
        "PORTAL_BASE_URL": "help.company.com/path",
        "PORTAL_LANGUAGES": "de,fr",
        "PORTAL_TIMEZONE": "Berlin",
        "PORTAL_MAIL_URL": "imap://x",
        "PORTAL_MAIL_FROM": "nobody",
        "PORTAL_STORAGE_URL": "ftp://x",
        "PORTAL_TRUSTED_PROXIES": "many",
        "PORTAL_RATE_LIMITS": "perhaps",
        "PORTAL_DEMO": "2",
        "PORTAL_WEB_WORKERS": "0",
        "PORTAL_WEB_THREADS": "-1",
        "PORTAL_SECRET_KEY": "short",
    }
    with pytest.raises(SettingsError) as raised:
        read(tmp_path, **wrong)
    told = str(raised.value)
    assert [name for name in wrong if f"- {name}: " not in told] == []
    assert len(raised.value.faults) == len(wrong)


def test_a_fault_shows_no_secret(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as raised:
        read(
            tmp_path,
            PORTAL_SECRET_KEY="tooshort",
            PORTAL_DATABASE_URL="postgresql://user:hidden1@host",
            PORTAL_MAIL_URL="pop://user:hidden2@host",
        )
    assert not re.search("tooshort|hidden1|hidden2", str(raised.value))


@pytest.mark.skipif(os.geteuid() == 0 and not Path("/proc/version").exists(), reason="root writes everywhere")
def test_a_data_directory_that_cannot_be_written_is_named() -> None:
    with pytest.raises(SettingsError, match=r"PORTAL_DATA_DIR: the folder /proc/nothing cannot be written"):
        Settings.from_env({"PORTAL_DATA_DIR": "/proc/nothing"})


def test_a_file_in_place_of_the_data_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(SettingsError, match="PORTAL_DATA_DIR"):
        read(tmp_path)


def test_the_key_is_made_once_and_kept(tmp_path: Path) -> None:
    first, second = read(tmp_path), read(tmp_path)
    assert first.secret_key == second.secret_key
    assert len(first.secret_key) >= 32
    assert stat.S_IMODE((tmp_path / "data" / "secret-key").stat().st_mode) == 0o600
    (tmp_path / "data" / "secret-key").write_text("cut off")
    with pytest.raises(SettingsError, match="damaged"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("smtp://mail.example", MailTransport("smtp", "mail.example", 25)),
        ("smtps://mail.example", MailTransport("smtp", "mail.example", 465, tls="implicit")),
        (
            "smtp://me%40x.org:p%3Aw@mail.example?tls=starttls",
            MailTransport("smtp", "mail.example", 587, "me@x.org", "p:w", "starttls"),
        ),
    ],
)
def test_mail_addresses(tmp_path: Path, url: str, wanted: MailTransport) -> None:
    assert read(tmp_path, PORTAL_MAIL_URL=url).mail == wanted
    assert "p:w" not in repr(read(tmp_path, PORTAL_MAIL_URL=url).mail)


def test_postgresql_is_reached_by_its_installed_driver(tmp_path: Path) -> None:
    for scheme in ("postgresql", "postgresql+psycopg"):
        url = read(tmp_path, PORTAL_DATABASE_URL=f"{scheme}://u:p@h/portal").database_url
        assert url == "postgresql+psycopg://u:p@h/portal"


def test_https_makes_cookies_secure(tmp_path: Path) -> None:
    settings = read(tmp_path, PORTAL_BASE_URL="https://help.example/")
    assert settings.base_url == "https://help.example"
    assert settings.secure
    assert not replace(settings, base_url="http://help.example").secure


def test_an_unknown_setting_is_warned_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    read(tmp_path, PORTAL_LANGAUGES="de", PORTAL_UNDO_SECONDS="0")
    warned = capsys.readouterr().err
    assert "PORTAL_LANGAUGES" in warned
    assert "PORTAL_UNDO_SECONDS" not in warned


def test_the_example_names_every_setting_with_its_default() -> None:
    example = (Path(config.__file__).parent / ".env.example").read_text()
    source = Path(config.__file__).read_text()
    names = set(re.findall(r'"(PORTAL_[A-Z_]+|HOST|PORT)"', source))
    missing = [name for name in names if not re.search(rf"^# .*\b{name}\b", example, re.MULTILINE)]
    assert missing == []
    for name, default in re.findall(r'read\("(\w+)", "([^"]+)"', source):
        described = re.search(rf"^# {name}\b.*default: (.*)$", example, re.MULTILINE)
        assert described, name
        shown = {"on": "on", "0": "0"}.get(default, default)
        assert described[1].startswith(shown), f"{name}: {described[1]!r} is not {default!r}"
