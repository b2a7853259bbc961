from __future__ import annotations

from pathlib import Path

import pytest

from weirkeeper_server.errors import SettingsError
from weirkeeper_server.settings import read_settings

ARGUMENTS = {"bundle": Path("/model"), "model": "churn", "revision": "churn-1"}


def test_settings_come_from_arguments_and_environment() -> None:
    settings = read_settings(
        ARGUMENTS,
        {
            "WEIRKEEPER_LIMITS": '{"maxRows": 5}',
            "WEIRKEEPER_PARAMETERS": '{"threshold": "0.4"}',
            "WEIRKEEPER_PROBE": '[{"request": {"inputs": []}, "expect": {"outputs": [], "tolerance": "0.1"}}]',
            "WEIRKEEPER_TRUSTED_TYPES": "",
            "POD_NAME": "churn-1-x",
        },
    )
    assert settings.limits.max_rows == 5
    assert settings.limits.max_body_bytes == 10 * 2**20
    assert settings.parameters == {"threshold": "0.4"}
    assert settings.probe[0].expect.tolerance.number == 0.1
    assert settings.pod == "churn-1-x"
    assert settings.slot_seconds == 5


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("WEIRKEEPER_LIMITS", "{", "WEIRKEEPER_LIMITS is '{', which is no JSON"),
        (
            "WEIRKEEPER_LIMITS",
            '{"maxRows": 0}',
            r"WEIRKEEPER_LIMITS\.maxRows is 0: Input should be .* equal to 1",
        ),
        ("WEIRKEEPER_BATCHING", '{"maxRows": 0}', r"WEIRKEEPER_BATCHING\.maxRows is 0: Input should be greater than 0"),
        ("WEIRKEEPER_BATCHING", '{"maxDelay": 1}', r"WEIRKEEPER_BATCHING\.maxDelay is 1: Extra inputs"),
        ("WEIRKEEPER_LIMITS", '{"rows": 1}', r"WEIRKEEPER_LIMITS\.rows is 1: Extra inputs"),
        ("WEIRKEEPER_PARAMETERS", '{"threshold": 0.4}', r"WEIRKEEPER_PARAMETERS\.threshold is 0\.4: .* valid string"),
        ("WEIRKEEPER_SLOT_SECONDS", "soon", "WEIRKEEPER_SLOT_SECONDS is 'soon', which is no JSON"),
    ],
)
def test_what_cannot_be_used_is_named(name: str, value: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        read_settings(ARGUMENTS, {name: value})
