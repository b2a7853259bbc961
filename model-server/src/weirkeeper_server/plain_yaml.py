"""YAML without aliases: a few lines of them stand for more than any memory holds."""

from __future__ import annotations

from typing import Any

import yaml


class _PlainLoader(yaml.SafeLoader):
    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.composer.ComposerError(None, None, "it has an alias (*); write the value again", None)
        return super().compose_node(parent, index)


def read_yaml(data: bytes) -> Any:
    """Read a document of plain values.

    Raises:
        yaml.YAMLError: it is none, or has an alias.
        RecursionError: it is nested too deeply.
    """
    return yaml.load(data, _PlainLoader)  # noqa: S506  a safe loader, and safer
