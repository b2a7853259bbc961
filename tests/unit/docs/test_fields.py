"""The tables of fields are what the definitions make of them, so that no field is left out and none is made up."""

from pathlib import Path

import pytest

from scripts.document_fields import PAGES, fields, pages, schema_of
from tests.unit.docs.markdown import REFERENCE, codes, rows


@pytest.mark.parametrize(
    ("path", "wanted"), list(pages()), ids=lambda value: value.name if isinstance(value, Path) else ""
)
def test_the_tables_are_up_to_date(path: Path, wanted: str) -> None:
    assert path.read_text() == wanted, "run scripts/document_fields.py"


@pytest.mark.parametrize("part", ["spec", "status"])
@pytest.mark.parametrize(("page", "file"), PAGES.items())
def test_every_field_is_in_the_reference(page: str, file: str, part: str) -> None:
    told = {code for row in rows((REFERENCE / page).read_text()) for code in codes(row[0])}
    known = {path for path, _, _ in fields(schema_of(file)["properties"][part], "")}
    assert len(known) > 10
    assert known <= told


@pytest.mark.parametrize("file", PAGES.values())
def test_every_field_says_what_it_is(file: str) -> None:
    found = fields(schema_of(file), "")
    mute = [path for path, schema, _ in found if path.startswith(("spec", "status")) and not schema.get("description")]
    assert mute == []
