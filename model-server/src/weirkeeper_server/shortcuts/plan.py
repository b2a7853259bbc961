"""What a shortcut computes, as data: fitted numbers and the order of operations, and nothing that needs scikit-learn.

A plan is read off a fitted estimator (`weirkeeper_server.fitted`) or out of a bundle (`weirkeeper_server.recorded`);
the modules beside this one compute by it.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, Protocol, Self

import numpy as np
import numpy.typing as npt
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    SerializationInfo,
    ValidationInfo,
    model_validator,
)

Floats = npt.NDArray[np.float64]
Value = bool | int | float | str


class Keeps(Protocol):
    """Where a plan puts its arrays when it is written."""

    def keep(self, array: npt.NDArray[Any]) -> dict[str, Any]:
        """Put an array away, and give what it is found by."""
        ...


class Finds(Protocol):
    """Where a plan finds its arrays when it is read."""

    def take(self, reference: object) -> npt.NDArray[Any]:
        """Find an array; raises ValueError where there is none."""
        ...


def _take(given: object, info: ValidationInfo) -> npt.NDArray[Any]:
    if isinstance(given, np.ndarray):
        return given
    if info.context is None:
        raise ValueError("an array is expected")
    store: Finds = info.context
    return store.take(given)


def _keep(array: npt.NDArray[Any], info: SerializationInfo) -> dict[str, Any]:
    store: Keeps = info.context  # type: ignore[assignment]  # whoever writes a plan gives one
    return store.keep(array)


Numbers = Annotated[npt.NDArray[Any], PlainValidator(_take), PlainSerializer(_keep)]
"""An array: as it is in memory, and by reference where a plan is written."""


class Part(BaseModel):
    """A part of a plan: frozen, and with no fields but those that are known."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Filled(Part):
    """Puts `fills` in the place of missing values, one for each column."""

    kind: Literal["filled"] = "filled"
    fills: Numbers


class Scaled(Part):
    """Subtracts `centre` and divides by `scale`, where there are such."""

    kind: Literal["scaled"] = "scaled"
    centre: Numbers | None = None
    scale: Numbers | None = None


class Bounded(Part):
    """Multiplies by `scale` and adds `least`."""

    kind: Literal["bounded"] = "bounded"
    scale: Numbers
    least: Numbers


Step = Annotated[Filled | Scaled | Bounded, Field(discriminator="kind")]
"""From a matrix of numbers to one of the same shape."""


class OneHot(Part):
    """Gives each category of each column a column of its own; a `strict` one refuses others."""

    kind: Literal["oneHot"] = "oneHot"
    categories: tuple[tuple[Value, ...], ...]
    strict: bool


class Ordinal(Part):
    """Gives the place of each category; `other` stands for those that are none, unless it is `strict`."""

    kind: Literal["ordinal"] = "ordinal"
    categories: tuple[tuple[Value, ...], ...]
    strict: bool
    other: float | None = None


class NumbersBlock(Part):
    """Columns of numbers side by side."""

    kind: Literal["numbers"] = "numbers"
    names: tuple[str, ...]
    steps: tuple[Step, ...] = ()


class EncodedBlock(Part):
    """Columns of categories side by side."""

    kind: Literal["encoded"] = "encoded"
    names: tuple[str, ...]
    encoding: Annotated[OneHot | Ordinal, Field(discriminator="kind")]
    steps: tuple[Step, ...] = ()


class FromMatrix(Part):
    """Takes the one matrix of a request; `widened` to double precision where it holds integers."""

    kind: Literal["matrix"] = "matrix"
    name: str
    widened: bool


class FromColumns(Part):
    """Stacks the columns of a request."""

    kind: Literal["columns"] = "columns"
    names: tuple[str, ...]


class FromBlocks(Part):
    """Puts blocks of columns side by side, each transformed by itself."""

    kind: Literal["blocks"] = "blocks"
    blocks: tuple[Annotated[NumbersBlock | EncodedBlock, Field(discriminator="kind")], ...]


class Preparation(Part):
    """From a request's columns to the matrix that the last step predicts from."""

    begin: Annotated[FromMatrix | FromColumns | FromBlocks, Field(discriminator="kind")]
    steps: tuple[Step, ...] = ()


class Linear(Part):
    """A product with `weights` `[width, scores]` or `[width]`, and `intercept`; `classes` where it tells classes."""

    kind: Literal["linear"] = "linear"
    weights: Numbers
    intercept: Numbers
    classes: Numbers | None = None
    probable: bool = False


Finish = Literal["votes", "mean", "identity", "exponential", "classes"]


class Trees(Part):
    """Binary trees one after the other, `sizes` nodes each, the root first; a leaf has the child -1 on its left.

    A row goes left where its value of `feature` is at most `threshold`, or is missing and `lacking_left` says so.
    `values` `[nodes, k]` are added up: with `k` above 1 each tree counts for all of `k` sums, otherwise tree `i` for
    sum `targets[i]`. `finish` makes answers of the sums, `first` added. Rows are rounded to `single` precision before;
    missing values are refused unless `lacking` is true.
    """

    kind: Literal["trees"] = "trees"
    width: int = Field(ge=1, le=2**24)
    sizes: Numbers
    left: Numbers
    right: Numbers
    feature: Numbers
    threshold: Numbers
    lacking_left: Numbers
    values: Numbers
    targets: Numbers
    single: bool
    lacking: bool
    finish: Finish
    first: Numbers | None = None
    classes: Numbers | None = None
    boundary: bool = False
    steepness: float = 1.0

    @property
    def sums(self) -> int:
        """How many sums each row gets."""
        width: int = self.values.shape[1]
        return width if width > 1 else int(self.targets.max()) + 1

    @model_validator(mode="after")
    def _nodes_lead_to_later_ones(self) -> Self:
        """Compiled code follows node numbers without looking where it reads."""
        self._check_lists()
        sizes = self.sizes.astype(np.int64)
        count = int(sizes.sum())
        starts = np.repeat(np.cumsum(sizes) - sizes, sizes)
        inner = self.left >= 0
        place = (np.arange(count) - starts)[inner]
        size = np.repeat(sizes, sizes)[inner]
        for child in (self.left[inner], self.right[inner]):
            if np.any(child <= place) or np.any(child >= size):
                raise ValueError("a node leads outside its tree")
        used = self.feature[inner]
        if np.any(used < 0) or np.any(used >= self.width):
            raise ValueError("a node asks for a column that there is not")
        if np.isnan(self.threshold[inner]).any():
            raise ValueError("a node compares with no number")
        return self

    def _check_lists(self) -> None:
        nodes = (self.left, self.right, self.feature, self.lacking_left, self.targets, self.sizes)
        if any(one.ndim != 1 or one.dtype.kind not in "iub" or one.dtype == np.uint64 for one in nodes):
            raise ValueError("a tree's nodes are no lists of integers of up to 63 bits")
        if {self.threshold.dtype, self.values.dtype} != {np.dtype(np.float64)}:
            raise ValueError("thresholds and values are not in double precision")
        if self.threshold.ndim != 1 or self.values.ndim != 2 or self.sizes.size == 0:  # noqa: PLR2004  a matrix
            raise ValueError("there is no tree")
        count, each = len(self.left), (self.right, self.feature, self.threshold, self.lacking_left, self.values)
        # The largest size before their sum, which may overflow; numpy's `repeat` then writes beyond its memory.
        if self.sizes.min() < 1 or self.sizes.max() > count or self.sizes.sum() != count:
            raise ValueError("trees of no nodes, or of others than there are")
        if any(len(one) != count for one in each) or len(self.targets) != len(self.sizes) or self.targets.min() < 0:
            raise ValueError("the lists of nodes differ in length")
        if self.targets.max() >= MOST_SUMS or not 1 <= self.values.shape[1] <= MOST_SUMS:
            raise ValueError(f"there is no sum, or there are more than {MOST_SUMS}")


MOST_SUMS: Final = 10_000


class Shortcut(Part):
    """All of a model."""

    preparation: Preparation
    last: Annotated[Linear | Trees, Field(discriminator="kind")]
