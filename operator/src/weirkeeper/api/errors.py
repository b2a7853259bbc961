"""What can be wrong with an object of our kinds, or with the settings.

ApiError
├── InvalidSpec        a Model, Rollout or Monitor that cannot be understood; its author corrects it
└── InvalidSettings    the chart's settings; whoever installed the chart corrects them
"""

from __future__ import annotations

from pydantic import ValidationError


class ApiError(Exception):
    """Something given to us does not follow its schema."""


class InvalidValue(ApiError):
    """A field has a value that its schema refuses: `path` says where, `given` what, `expected` what would do."""

    def __init__(self, subject: str, path: str, given: str, expected: str) -> None:
        self.subject = subject
        self.path = path
        self.given = given
        self.expected = expected
        super().__init__(f"{subject}: {path} is {given}; {expected}")


class InvalidSpec(InvalidValue):
    """A Model, Rollout or Monitor cannot be understood; nothing that serves is touched until it is corrected."""


class InvalidSettings(InvalidValue):
    """The operator's settings cannot be understood; they come from the chart's values."""


LONGEST_GIVEN = 80


def first_problem(error: ValidationError, root: str) -> tuple[str, str, str]:
    """Put the first problem that pydantic found into (path below `root`, given, expected)."""
    problem = error.errors(include_url=False)[0]
    path = root + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in problem["loc"])
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "missing":
        return path, "missing", "give it a value"
    if problem["type"] == "extra_forbidden":
        return path, "unknown", "leave it out, or see `kubectl explain` for the fields that exist"
    if problem["type"] == "too_short":
        return path, "too short", f"give at least {problem['ctx']['min_length']}, or leave it out"
    if problem["type"] == "too_long":
        return path, "too long", f"give at most {problem['ctx']['max_length']}"
    given = repr(problem["input"])
    return path, given if len(given) <= LONGEST_GIVEN else given[:LONGEST_GIVEN] + "…", message
