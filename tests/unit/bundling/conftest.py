from __future__ import annotations

import pytest

from weirkeeper.bundling import maker


@pytest.fixture
def unverified(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the process that verifies: a few tests pay for it, the others need not."""
    monkeypatch.setattr(maker, "verify", lambda *_: None)
