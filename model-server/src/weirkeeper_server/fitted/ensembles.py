"""Decision trees and their ensembles: their nodes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from sklearn import ensemble
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier, ExtraTreeRegressor
from sklearn.utils import get_tags

from weirkeeper_server.shortcuts.plan import Finish, Floats, Trees
from weirkeeper_server.tensors import Array

MOST_NODES: Final = 2_000_000
"""Larger ensembles would be held in memory a second time."""

TWO_CLASSES: Final = 2
_VOTING: Final = (
    ensemble.RandomForestClassifier,
    ensemble.ExtraTreesClassifier,
    DecisionTreeClassifier,
    ExtraTreeClassifier,
)
_AVERAGING: Final = (
    ensemble.RandomForestRegressor,
    ensemble.ExtraTreesRegressor,
    DecisionTreeRegressor,
    ExtraTreeRegressor,
)
_BOOSTED: Final = (ensemble.GradientBoostingClassifier, ensemble.GradientBoostingRegressor)
_BINNED: Final = (ensemble.HistGradientBoostingClassifier, ensemble.HistGradientBoostingRegressor)
_TWICE: Final = "ExponentialLoss"
_LINKS: Final[dict[str, Finish]] = {"IdentityLink": "identity", "LogLink": "exponential"}


def trees(final: Any) -> Trees | None:
    """Read trees and their ensembles, None for other estimators and for those that have no shortcut."""
    kind = type(final)
    if kind in _VOTING:
        return _votes(final)
    if kind in _AVERAGING:
        return _means(final)
    if kind in _BOOSTED:
        return _boosted(final)
    return _binned(final) if kind in _BINNED else None


def _votes(final: Any) -> Trees | None:
    if final.n_outputs_ != 1 or final.n_classes_ < TWO_CLASSES:
        return None
    # Of two classes one is enough, since their probabilities add up to one.
    columns = slice(1, 2) if final.n_classes_ == TWO_CLASSES else slice(None)
    members = _members(final)
    values = [tree.value[:, 0, columns] for tree in members]
    return _trees(final, members, values, finish="votes", classes=final.classes_, lacking=_takes_missing(final))


def _means(final: Any) -> Trees | None:
    if final.n_outputs_ != 1:
        return None
    members = _members(final)
    return _trees(final, members, [tree.value[:, 0] for tree in members], finish="mean", lacking=_takes_missing(final))


def _boosted(final: Any) -> Trees | None:
    known = final.init_ == "zero" or type(final.init_) in (DummyClassifier, DummyRegressor)
    finish = _finish(final)
    if not known or finish is None:
        return None
    # The first guess is the same for every row.
    first = final._raw_predict_init(np.zeros((1, final.n_features_in_), dtype=np.float32))  # noqa: SLF001  nothing public has it
    stages = [stage.tree_ for stage in final.estimators_.ravel()]
    values = [final.learning_rate * tree.value[:, 0] for tree in stages]
    return _trees(
        final,
        stages,
        values,
        targets=np.arange(len(stages)) % final.estimators_.shape[1],
        finish=finish,
        first=first[0],
        classes=getattr(final, "classes_", None),
        boundary=True,
        steepness=_steepness(final),
    )


def _binned(final: Any) -> Trees | None:
    nodes = [predictor.nodes for round_ in final._predictors for predictor in round_]  # noqa: SLF001  nothing public has them
    finish = _finish(final)
    # Columns of categories are encoded before, and parted by sets.
    if final._preprocessor is not None or any(one["is_categorical"].any() for one in nodes) or finish is None:  # noqa: SLF001  see above
        return None
    members = [_Nodes(one) for one in nodes]
    return _trees(
        final,
        members,
        [one["value"][:, None] for one in nodes],
        targets=np.arange(len(nodes)) % final.n_trees_per_iteration_,
        finish=finish,
        first=np.asarray(final._baseline_prediction).reshape(-1),  # noqa: SLF001  see above
        classes=getattr(final, "classes_", None),
        steepness=_steepness(final),
        single=False,
    )


def _members(final: Any) -> list[Any]:
    return [member.tree_ for member in getattr(final, "estimators_", [final])]


def _takes_missing(final: Any) -> bool:
    return bool(get_tags(final).input_tags.allow_nan)


def _finish(final: Any) -> Finish | None:
    return "classes" if hasattr(final, "classes_") else _LINKS.get(type(final._loss.link).__name__)  # noqa: SLF001  nothing public has it


def _steepness(final: Any) -> float:
    return 2.0 if type(final._loss).__name__ == _TWICE else 1.0  # noqa: SLF001  nothing public has it


class _Nodes:
    """A tree of histogram boosting under the names of other trees."""

    def __init__(self, nodes: Any) -> None:
        leaf = nodes["is_leaf"].astype(bool)
        self.children_left = np.where(leaf, -1, nodes["left"].astype(np.int64))
        self.children_right = np.where(leaf, -1, nodes["right"].astype(np.int64))
        self.feature = nodes["feature_idx"].astype(np.int64)
        self.threshold = nodes["num_threshold"]
        self.missing_go_to_left = nodes["missing_go_to_left"]


def _trees(  # noqa: PLR0913  as many as there are differences between ensembles
    final: Any,
    members: Sequence[Any],
    values: Sequence[Floats],
    *,
    finish: Finish,
    targets: Array | None = None,
    first: Floats | None = None,
    classes: Array | None = None,
    boundary: bool = False,
    steepness: float = 1.0,
    single: bool = True,
    lacking: bool = False,
) -> Trees | None:
    sizes = np.array([len(one) for one in values], dtype=np.int64)
    if not 0 < sizes.sum() * values[0].shape[1] <= MOST_NODES:
        return None
    return Trees(
        width=final.n_features_in_,
        sizes=sizes,
        left=_joined(members, "children_left", np.int32),
        right=_joined(members, "children_right", np.int32),
        feature=_joined(members, "feature", np.int32),
        threshold=_joined(members, "threshold", np.float64),
        lacking_left=_joined(members, "missing_go_to_left", np.bool_),
        values=np.concatenate(values).astype(np.float64),
        targets=np.zeros(len(sizes), dtype=np.int32) if targets is None else targets.astype(np.int32),
        single=single,
        lacking=lacking,
        finish=finish,
        first=first,
        classes=classes,
        boundary=boundary,
        steepness=steepness,
    )


def _joined(members: Sequence[Any], name: str, dtype: Any) -> Array:
    return np.concatenate([np.asarray(getattr(member, name)).astype(dtype) for member in members])
