"""Values as Kubernetes writes them: durations, decimals and quantities are strings that know what they stand for."""

from __future__ import annotations

import re
from typing import Any, Final, Self

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

DURATION_PATTERN: Final = "^([0-9]{1,4}d|([0-9]{1,5}(h|m|s|ms)){1,4})$"
HOUR_DURATION_PATTERN: Final = "^([0-9]{1,5}(h|m|s|ms)){1,4}$"
DECIMAL_PATTERN: Final = r"^[0-9]{1,6}(\.[0-9]{1,9})?$"
TOLERANCE_PATTERN: Final = r"^[0-9]{1,6}(\.[0-9]{1,9})?(e-?[0-9]{1,3})?$"
NUMBER_PATTERN: Final = r"^-?[0-9]{1,12}(\.[0-9]{1,9})?(e-?[0-9]{1,2})?$"
QUANTITY_PATTERN: Final = (
    r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$"
)

_SECONDS: Final = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


class _PatternedText(str):
    """A string that follows `pattern`; says what would do (`expected`) where it does not."""

    __slots__ = ()

    pattern: str = ""
    expected: str = ""
    longest: int = 24

    @classmethod
    def parse(cls, text: str) -> Self:
        """Check `text` against the pattern.

        Raises:
            ValueError: it does not follow it; the message says what would do.
        """
        if len(text) > cls.longest or not re.fullmatch(cls.pattern, text):
            raise ValueError(cls.expected)
        return cls(text)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validate as a string, then by the pattern."""
        return core_schema.no_info_after_validator_function(cls.parse, core_schema.str_schema())

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Publish the pattern."""
        return {"type": "string", "pattern": cls.pattern, "maxLength": cls.longest}


class Duration(_PatternedText):
    """A duration such as 90s, 5m, 1h30m, 500ms or 14d (days stand alone)."""

    __slots__ = ()

    pattern = DURATION_PATTERN
    expected = "write a duration such as 500ms, 90s, 5m, 1h30m or 14d"

    @property
    def seconds(self) -> float:
        """The length in seconds."""
        return sum(float(count) * _SECONDS[unit] for count, unit in re.findall(r"([0-9]+)(ms|[dhms])", self))

    @classmethod
    def of(cls, seconds: float) -> Self:
        """Write a length of whole seconds, rounded down, the way people do: 4m10s; nothing is 0s."""
        minutes, rest = divmod(max(0, int(seconds)), 60)
        hours, minutes = divmod(minutes, 60)
        parts = ((hours, "h"), (minutes, "m"), (rest, "s"))
        return cls("".join(f"{count}{unit}" for count, unit in parts if count) or "0s")


class HourDuration(Duration):
    """A duration without days, such as 15m or 168h: the API server can compare these, since CEL knows no days."""

    __slots__ = ()

    pattern = HOUR_DURATION_PATTERN
    expected = "write a duration such as 15m, 1h30m or 168h, without days"


class Decimal(_PatternedText):
    """A decimal number as a string, such as "0.01" or "99.9": JSON's floats do not survive every client."""

    __slots__ = ()

    pattern = DECIMAL_PATTERN
    expected = 'write a decimal as a quoted string, such as "0.01" or "99.9"'

    @property
    def number(self) -> float:
        """The number."""
        return float(self)


class Number(Decimal):
    """Any number as a string, such as "-5", "1500000" or "2.5e-3"."""

    __slots__ = ()

    pattern = NUMBER_PATTERN
    expected = 'write a number as a quoted string, such as "-5", "0.25" or "1e6"'


class Tolerance(Decimal):
    """A decimal that may have an exponent, such as "1e-6"."""

    __slots__ = ()

    pattern = TOLERANCE_PATTERN
    expected = 'write a decimal as a quoted string, such as "0.001" or "1e-6"'


class Quantity(str):
    """An amount of a resource, such as 500m, 2 or 1Gi; a whole number may come without quotes."""

    __slots__ = ()

    @classmethod
    def parse(cls, given: str | int) -> Self:
        """Check an amount.

        Raises:
            ValueError: it is no quantity as Kubernetes writes them.
        """
        if isinstance(given, bool) or not re.fullmatch(QUANTITY_PATTERN, str(given)):
            raise ValueError("write a quantity such as 500m, 2 or 1Gi")
        return cls(given)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validate a string or an integer."""
        either = core_schema.union_schema([core_schema.str_schema(), core_schema.int_schema()])
        return core_schema.no_info_after_validator_function(cls.parse, either)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Publish it as Kubernetes does."""
        return {
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "pattern": QUANTITY_PATTERN,
            "x-kubernetes-int-or-string": True,
        }
