"""The catalogue's page in docs is what the catalogue says today."""

from __future__ import annotations

import re
from pathlib import Path

from leaky import catalogue
from leaky.report.activation.markdown import catalogue_page

ROOT = Path(__file__).parent.parent.parent


def test_the_page_is_up_to_date():
    written = (ROOT / "docs" / "activations.md").read_text(encoding="utf-8")
    assert written == catalogue_page(), "docs/activations.md is older than the catalogue: run `make docs`"


def test_every_entry_has_a_section_and_every_table_its_columns():
    page = catalogue_page()
    assert re.findall(r"^## (\w+)$", page, flags=re.MULTILINE) == list(catalogue)
    assert [name for name in catalogue if f"](#{name})" not in page] == []
    for table in re.findall(r"(?:^\|.*\n?)+", page, flags=re.MULTILINE):
        columns = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(columns) == 1, table[:300]
