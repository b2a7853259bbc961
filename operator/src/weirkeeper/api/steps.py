"""The kinds of steps: a share of the traffic, copies of requests, or callers that are told by their headers."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from weirkeeper.api.attempts import NAMES_LIMIT
from weirkeeper.api.gates import NAME
from weirkeeper.api.names import HEADER_ARM
from weirkeeper.api.record import ATOMIC_LIST, Record, checked, rule, rules
from weirkeeper.api.values import Duration

FIELD_NAME: Final = "^[A-Za-z0-9!#$%&'*+.^_|~-]+$"
"""The name of a header or a cookie (RFC 9110, 5.6.2)."""

FIELD_NAME_LIMIT: Final = 64
VALUE_LIMIT: Final = 128
HEADERS_LIMIT: Final = 4
MATCHES_LIMIT: Final = 4
"""Steps with a match: what they say of headers is kept in the Model's status, where there is little room."""

STEPS_LIMIT: Final = 20
MOST_REPLICAS: Final = 100

BELOW_100: Final = (
    "weight must be from 1 to 99: weight 100 is the promotion, which follows the last step by itself; "
    "leave this step out"
)
ONE_STEP_KIND: Final = "a step has exactly one kind: weight, mirror or match; make steps of their own of the others"
ONE_MATCHER: Final = "a header is matched in exactly one way: give value, prefix or regex"
ONE_STICKY: Final = "callers are told by exactly one thing: give header or cookie"
HOST_HEADER: Final = f"host and {HEADER_ARM} cannot be matched: the router needs them itself; give another header"
REGEX: Final = "regex is no regular expression of RE2, which has no look-around and no back-references"
NOT_COMPARED: Final = (
    "requirePass cannot be asked of a match step: its callers are not everyone, so nothing is compared with stable; "
    "ask it of a later step"
)

MOST: Final = 99
"""Percent of the traffic, short of a promotion."""


def _compiles(regex: str) -> bool:
    import re2  # noqa: PLC0415  few have a regular expression, and the engine is that of the router

    quiet = re2.Options()
    quiet.log_errors = False
    try:
        re2.compile(regex, quiet)
    except re2.error:
        return False
    return True


class HeaderMatch(Record):
    """One header that a caller's requests must have."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule("[has(self.value), has(self.prefix), has(self.regex)].exists_one(given, given)", ONE_MATCHER),
            rule(f"!(self.name.lowerAscii() in ['host', '{HEADER_ARM}'])", HOST_HEADER, ".name"),
            rule("!has(self.regex) || 'x'.matches(self.regex) in [true, false]", REGEX, ".regex"),
        ),
    )

    name: Annotated[str, checked(lambda name: name.lower() not in {"host", HEADER_ARM}, HOST_HEADER)] = Field(
        description="The header's name; upper and lower case are the same.",
        max_length=FIELD_NAME_LIMIT,
        pattern=FIELD_NAME,
    )
    value: str | None = Field(default=None, description="The whole value.", max_length=VALUE_LIMIT)
    prefix: str | None = Field(
        default=None, description="What the value begins with.", min_length=1, max_length=VALUE_LIMIT
    )
    regex: Annotated[str, Field(min_length=1, max_length=VALUE_LIMIT), checked(_compiles, REGEX)] | None = Field(
        default=None, description="A regular expression (RE2) of the whole value."
    )

    @model_validator(mode="after")
    def _one_matcher(self) -> Self:
        if [self.value, self.prefix, self.regex].count(None) != 2:  # noqa: PLR2004  all but one
            raise ValueError(ONE_MATCHER)
        return self


class Callers(Record):
    """Callers that are told by their headers."""

    headers: tuple[HeaderMatch, ...] = Field(
        description="Headers that a request must have, all of them.",
        min_length=1,
        max_length=HEADERS_LIMIT,
        json_schema_extra=ATOMIC_LIST,
    )


class Match(Callers):
    """Callers that the candidate alone answers."""

    replicas: int = Field(
        default=1,
        description="Pods of the candidate that answer them.",
        ge=1,
        le=MOST_REPLICAS,
    )


class Sticky(Record):
    """By what a caller is told, who then stays on one revision while the weight grows."""

    model_config = ConfigDict(json_schema_extra=rules(rule("has(self.header) != has(self.cookie)", ONE_STICKY)))

    header: str | None = Field(
        default=None,
        description="A header that names the caller; requests without it are divided at random.",
        max_length=FIELD_NAME_LIMIT,
        pattern=FIELD_NAME,
    )
    cookie: str | None = Field(
        default=None,
        description="A cookie that names the caller; the router gives one to callers without it.",
        max_length=FIELD_NAME_LIMIT,
        pattern=FIELD_NAME,
    )

    @model_validator(mode="after")
    def _one_thing(self) -> Self:
        if (self.header is None) == (self.cookie is None):
            raise ValueError(ONE_STICKY)
        return self


class Step(Record):
    """One stretch of an attempt, with a fixed exposure of the candidate."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule("[has(self.weight), has(self.mirror), has(self.match)].exists_one(given, given)", ONE_STEP_KIND),
            rule("!has(self.weight) || (self.weight >= 1 && self.weight <= 99)", BELOW_100, ".weight"),
            rule("!has(self.match) || !self.requirePass", NOT_COMPARED, ".requirePass"),
        ),
    )

    name: str | None = Field(
        default=None,
        description="What people call the step; without a name it is called by what it does.",
        max_length=NAMES_LIMIT,
        pattern=NAME,
    )
    weight: Annotated[int, Field(ge=0, le=100), checked(lambda weight: 1 <= weight <= MOST, BELOW_100)] | None = Field(
        default=None,
        description="The candidate's share of the traffic in percent, from 1 to 99.",
    )
    mirror: int | None = Field(
        default=None,
        description="Percent of stable's requests of which the candidate gets a copy; nobody sees its answers.",
        ge=1,
        le=100,
    )
    match: Match | None = Field(
        default=None,
        description="Callers that the candidate alone answers, from this step on until the attempt ends.",
    )
    hold: Duration = Field(
        default=Duration("5m"),
        description="How long the step lasts at least, counted in slots in which every router was observed.",
    )
    approval: Literal["Manual"] | None = Field(
        default=None,
        description="Manual: after its hold the step waits for the verb `promote`.",
    )
    require_pass: bool = Field(
        default=False,
        description="The step ends only when every gate is at Pass; the last step always asks for that.",
    )

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if [self.weight, self.mirror, self.match].count(None) != 2:  # noqa: PLR2004  all but one
            raise ValueError(ONE_STEP_KIND)
        if self.match is not None and self.require_pass:
            raise ValueError(NOT_COMPARED)
        return self

    @property
    def label(self) -> str:
        """The step's name, else what it does."""
        if self.mirror is not None:
            return self.name or f"mirror {self.mirror}%"
        return self.name or ("match" if self.match else f"{self.weight}%")
