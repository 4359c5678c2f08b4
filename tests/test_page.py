"""What stands around every page: static files, compressed for those who take it."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from flask import Flask

from app import page

STYLE = "css/components.css"


@pytest.mark.only_sqlite
def test_texts_are_sent_compressed_to_those_who_take_it(app: Flask) -> None:
    address = app.jinja_env.globals["asset_url"](STYLE)  # type: ignore[operator]
    plain = app.test_client().get(address, buffered=True)
    packed = app.test_client().get(address, buffered=True, headers={"Accept-Encoding": "gzip"})
    assert plain.data == (page.STATIC / STYLE).read_bytes()
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data
    assert len(packed.data) < len(plain.data) / 3
    assert "Accept-Encoding" in packed.headers["Vary"]


def test_a_twin_follows_its_file(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_text("p { color: red }")
    (tmp_path / "a.woff2").write_bytes(b"packed already")
    page.compress(tmp_path)
    (tmp_path / "a.css").write_text("p { color: blue }")
    page.compress(tmp_path)
    assert gzip.decompress((tmp_path / "a.css.gz").read_bytes()) == b"p { color: blue }"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.css", "a.css.gz", "a.woff2"]
