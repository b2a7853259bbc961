#!/usr/bin/env python3
"""Write the tables in docs/reference: fields of our kinds, values of the chart, what the server answers and reads.

Each table stands between two comments, `<!-- NAME begins -->` and `<!-- NAME ends -->`; the rest of a page is written
by hand. `--check` writes nothing and ends with 1 where a table is not what the code makes of it.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import BaseModel

from weirkeeper.api.crds import files
from weirkeeper_server.errors import RequestError
from weirkeeper_server.routes import REFUSED, ROUTES
from weirkeeper_server.settings import VARIABLES, Batching, FeedbackSettings, Limits
from weirkeeper_server.settings import Settings as ServerSettings

CHECKOUT: Final = Path(__file__).resolve().parent.parent
REFERENCE: Final = CHECKOUT / "docs" / "reference"
CHART: Final = CHECKOUT / "charts" / "weirkeeper"

PAGES: Final = {
    "model.md": "models.weirkeeper.dev.yaml",
    "rollout.md": "rollouts.weirkeeper.dev.yaml",
    "monitor.md": "monitors.weirkeeper.dev.yaml",
}
SETTINGS_PAGE: Final = "settings.md"
PROTOCOL_PAGE: Final = "protocol.md"
FEEDBACK_PAGE: Final = "feedback.md"
POLICY: Final = "defaults.rollout"
"""Described as a Rollout's spec, not again among the chart's values."""

Schema = Mapping[str, Any]
Row = tuple[str, ...]


def schema_of(file: str) -> Schema:
    """The schema of a kind, from its definition."""
    definition = yaml.safe_load(files()[file])
    found: Schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return found


def fields(schema: Schema, path: str) -> Iterator[tuple[str, Schema, bool]]:
    """Every field below `path`, parents first: its path, its schema, and whether it must be given."""
    required = schema.get("required", ())
    for name, inner in schema.get("properties", {}).items():
        here = f"{path}.{name}" if path else name
        yield here, inner, name in required
        yield from _below(inner, here)


def _below(schema: Schema, path: str) -> Iterator[tuple[str, Schema, bool]]:
    if "properties" in schema:
        yield from fields(schema, path)
    elif isinstance(schema.get("items"), dict):
        yield from _below(schema["items"], f"{path}[]")
    elif isinstance(schema.get("additionalProperties"), dict):
        yield from _below(schema["additionalProperties"], f"{path}.NAME")


def type_of(schema: Schema) -> str:
    """What may be written, in a word or two."""
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    if schema.get("x-kubernetes-int-or-string"):
        return "quantity"
    if schema.get("type") == "array":
        return f"list of {type_of(schema.get('items', {}))}s"
    if isinstance(schema.get("additionalProperties"), dict):
        return f"map of {type_of(schema['additionalProperties'])}s"
    return str(schema.get("type", "anything"))


def bounds_of(schema: Schema) -> str:
    """The least and the most, where there are such."""
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is None:
        return "" if most is None else f", to {most}"
    return f", at least {least}" if most is None else f", {least} to {most}"


def written(value: object) -> str:
    """A default as YAML in one line; long ones are left to the text."""
    text = json.dumps(value, ensure_ascii=False)
    return f"`{text}`" if len(text) <= 40 else "see below"  # noqa: PLR2004  what fits into a column


def table(header: Row, rows: Iterator[Row]) -> str:
    """A table in Markdown."""
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def spec_table(schema: Schema) -> str:
    """The fields that people write."""

    def rows() -> Iterator[Row]:
        for path, inner, required in fields(schema["properties"]["spec"], ""):
            default = "required" if required else written(inner["default"]) if "default" in inner else ""
            yield f"`{path}`", type_of(inner) + bounds_of(inner), default, inner.get("description", "")

    return table(("Field of `spec`", "Type", "Default", "What it is"), rows())


def status_table(schema: Schema) -> str:
    """The fields that the operator writes."""
    found = fields(schema["properties"]["status"], "")
    rows = ((f"`{path}`", type_of(inner), inner.get("description", "")) for path, inner, _ in found)
    return table(("Field of `status`", "Type", "What it is"), rows)


def values_table() -> str:
    """The chart's values."""
    schema = json.loads((CHART / "values.schema.json").read_text())
    defaults = yaml.safe_load((CHART / "values.yaml").read_text())

    def rows() -> Iterator[Row]:
        for path, inner, _ in fields(schema, ""):
            leaf = "properties" not in inner or path == POLICY
            if leaf and not path.startswith((f"{POLICY}.", "global")):
                yield f"`{path}`", type_of(inner), written(_at(defaults, path)), inner.get("description", "")

    return table(("Value", "Type", "Default", "What it is"), rows())


def _at(values: Any, path: str) -> Any:
    for name in path.split("."):
        values = (values or {}).get(name)
    return values


def routes_table() -> str:
    """The routes over HTTP."""

    def rows() -> Iterator[Row]:
        for route in ROUTES:
            statuses = sorted({*route.statuses, *([] if route.name in REFUSED else [200])})
            yield f"`{route.method} {route.path}`", route.summary, ", ".join(map(str, statuses))

    return table(("Route", "What it gives", "Statuses"), rows())


def errors_table() -> str:
    """The errors over HTTP, by status."""
    errors = sorted(RequestError.__subclasses__(), key=lambda error: error.status)
    rows = ((str(error.status), f"`{error.__name__}`", error.__doc__ or "") for error in errors)
    return table(("Status", "Reason", "What it means"), rows)


def limits_table(kind: type[BaseModel] = Limits) -> str:
    """What requests are held to."""

    def rows() -> Iterator[Row]:
        for name, inner in kind.model_json_schema()["properties"].items():
            yield f"`{name}`", inner["type"], written(inner["default"]), inner["description"]

    return table(("Limit", "Type", "Default", "What it is"), rows())


def feedback_table() -> str:
    """What the server is told of labels that come back."""

    def rows() -> Iterator[Row]:
        for name, inner in FeedbackSettings.model_json_schema()["properties"].items():
            kind = inner.get("type") or "string"
            yield f"`{name}`", kind, written(inner["default"]), inner["description"]

    return table(("Setting", "Type", "Default", "What it is"), rows())


def variables_table() -> str:
    """What the server reads from its environment."""
    rows = ((f"`{name}`", ServerSettings.model_fields[field].description or "") for field, name in VARIABLES.items())
    return table(("Variable, a JSON value", "What it is"), rows)


def filled(text: str, name: str, content: str) -> str:
    """`text` with `content` between the comments of `name`."""
    begins, ends = f"<!-- {name} begins -->", f"<!-- {name} ends -->"
    pattern = re.compile(f"{re.escape(begins)}.*?{re.escape(ends)}", re.DOTALL)
    if not pattern.search(text):
        message = f"no table {name!r}; write {begins} and {ends} where it belongs"
        raise ValueError(message)
    return pattern.sub(lambda _: f"{begins}\n{content}\n{ends}", text)


def pages() -> Iterator[tuple[Path, str]]:
    """Every page with tables, as it should be."""
    for page, file in PAGES.items():
        path, schema = REFERENCE / page, schema_of(file)
        text = filled(path.read_text(), "fields of spec", spec_table(schema))
        yield path, filled(text, "fields of status", status_table(schema))
    path = REFERENCE / SETTINGS_PAGE
    yield path, filled(path.read_text(), "values of the chart", values_table())
    path = REFERENCE / PROTOCOL_PAGE
    text = filled(path.read_text(), "routes", routes_table())
    text = filled(text, "errors over HTTP", errors_table())
    text = filled(text, "limits of the server", limits_table())
    text = filled(text, "batching of the server", limits_table(Batching))
    yield path, filled(text, "variables of the server", variables_table())
    path = REFERENCE / FEEDBACK_PAGE
    yield path, filled(path.read_text(), "settings of feedback", feedback_table())


def main() -> int:
    """Write or check the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; end with 1 where a table is outdated")
    check = parser.parse_args().check
    outdated = [(path, text) for path, text in pages() if path.read_text() != text]
    for path, text in outdated:
        print(f"{path.relative_to(CHECKOUT)} {'is outdated: run scripts/document_fields.py' if check else 'written'}")
        if not check:
            path.write_text(text)
    return 1 if check and outdated else 0


if __name__ == "__main__":
    sys.exit(main())
