"""What the pages show works: objects are understood, commands exist, values are the chart's."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import jsonschema  # type: ignore[import-untyped]  # published without type information
import pytest
import yaml

from tests.unit.docs.markdown import REFERENCE, ROOT, blocks, codes, pages, prose, rows
from weirkeeper.api.model import parse_model
from weirkeeper.api.monitor import parse_monitor
from weirkeeper.api.names import API_VERSION, VERBS
from weirkeeper.api.rollout import parse_rollout
from weirkeeper.plugin.cli import main as plugin_main
from weirkeeper.runtime.cli import main
from weirkeeper_server.cli import main as server_main

PARSERS: Final[Mapping[str, Callable[[Mapping[str, Any]], object]]] = {
    "Model": parse_model,
    "Rollout": parse_rollout,
    "Monitor": parse_monitor,
}


def objects() -> Iterator[tuple[str, dict[str, Any]]]:
    for page in pages():
        for block in blocks(page.read_text(), "yaml"):
            for document in yaml.safe_load_all(block):
                if isinstance(document, dict) and document.get("kind") in PARSERS:
                    yield f"{page.relative_to(ROOT)}: {document['kind']}", document


@pytest.mark.parametrize(("where", "document"), list(objects()))
def test_every_object_is_understood(where: str, document: dict[str, Any]) -> None:
    assert document["apiVersion"] == API_VERSION, where
    assert PARSERS[document["kind"]](document) is not None


def test_every_kind_is_shown_in_its_reference() -> None:
    shown = {where for where, _ in objects()}
    assert {f"docs/reference/{kind.lower()}.md: {kind}" for kind in PARSERS} <= shown


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_yaml_is_yaml(page: Path) -> None:
    for block in blocks(page.read_text(), "yaml"):
        assert list(yaml.safe_load_all(block))


def test_values_of_the_chart_are_such() -> None:
    schema = json.loads((ROOT / "charts" / "weirkeeper" / "values.schema.json").read_text())
    shown = [
        yaml.safe_load(block) for page in pages() for block in blocks(page.read_text(), "yaml") if "kind:" not in block
    ]
    values = [document for document in shown if "groups" not in document]  # rules of Prometheus
    assert len(values) > 1
    for document in values:
        jsonschema.validate(document, schema)


def help_of(program: Callable[[list[str]], int], arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as ended:
        program([*arguments, "--help"])
    assert ended.value.code == 0
    return capsys.readouterr().out


def subcommands(help_text: str) -> set[str]:
    return set(re.findall(r"^    ([a-z-]+) {2,}", help_text, re.MULTILINE))


def test_every_command_and_option_is_in_the_reference(capsys: pytest.CaptureFixture[str]) -> None:
    told = (REFERENCE / "command-line.md").read_text()
    programs = {"weirkeeper": main, "weirkeeper-server": server_main, "kubectl weirkeeper": plugin_main}
    for name, program in programs.items():
        commands = subcommands(help_of(program, [], capsys))
        assert len(commands) > 1
        for command in commands:
            assert f"`{name} {command}" in told, command
            options = set(re.findall(r"--[a-z-]+", help_of(program, [command], capsys))) - {"--help"}
            assert {option for option in options if f"`{option}" not in told} == set(), command


def test_every_command_that_a_page_shows_exists(capsys: pytest.CaptureFixture[str]) -> None:
    commands = subcommands(help_of(main, [], capsys))
    shown = [
        shlex.split(line, comments=True)[1]
        for page in pages()
        for block in blocks(page.read_text(), "sh")
        for line in block.splitlines()
        if line.startswith("weirkeeper ")
    ]
    assert shown
    assert set(shown) <= commands


def test_every_verb_is_in_the_reference() -> None:
    table = [row for row in rows((REFERENCE / "rollout.md").read_text()) if len(row) == 3]
    assert set(VERBS) <= {code for row in table for code in codes(row[0])}


def test_every_make_target_that_a_page_names_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {target for page in pages() for target in re.findall(r"make ([a-z]+(?:-[a-z]+)*)`", page.read_text())}
    assert "demo" in named
    assert named <= targets


def test_no_page_speaks_of_values_that_the_chart_lacks() -> None:
    known = {codes(row[0])[0] for row in rows((REFERENCE / "settings.md").read_text()) if codes(row[0])}
    roots = {value.partition(".")[0] for value in known if "." in value} - {"server"}
    for page in pages():
        for code in codes(prose(page.read_text())):
            if re.fullmatch(rf"({'|'.join(roots)})\.[a-zA-Z]+(\.[a-zA-Z]+)*", code):
                assert any(value == code or value.startswith(f"{code}.") for value in known), f"{page.name}: {code}"
