"""Writes the schema of a person's copy to docs/export-schema.json, from the classification of the columns.

python tools/export_schema.py
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

import app.tables  # noqa: E402, F401  (loads every model)
from app.privacy.export_document import schema  # noqa: E402

if __name__ == "__main__":
    text = json.dumps(schema(), ensure_ascii=False, indent=1)
    (ROOT / "docs/export-schema.json").write_text(f"{text}\n")
