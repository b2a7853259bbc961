"""Which types a skops file names, read without skops, which would import scikit-learn.

Nothing is built of the file here. What this list does not know is left to skops itself, so it refuses no less.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from typing import Any, Final

import orjson

from weirkeeper_server.skops_zip import SCHEMA

MOST_BYTES: Final = 64 * 2**20
"""Longest schema that is read."""

_NUMPY: Final = frozenset(
    f"numpy.{name}"
    for name in ("bool", "float32", "float64", "int8", "int16", "int32", "int64", "str_", "uint8", "uint32", "uint64")
)
_SKLEARN: Final = (
    "_loss.link.HalfLogitLink", "_loss.link.IdentityLink", "_loss.link.Interval", "_loss.link.LogLink",
    "_loss.link.LogitLink", "_loss.link.MultinomialLogit", "_loss.loss.AbsoluteError", "_loss.loss.ExponentialLoss",
    "_loss.loss.HalfBinomialLoss", "_loss.loss.HalfGammaLoss", "_loss.loss.HalfMultinomialLoss",
    "_loss.loss.HalfPoissonLoss", "_loss.loss.HalfSquaredError", "_loss.loss.HuberLoss", "_loss.loss.PinballLoss",
    "compose._column_transformer.ColumnTransformer", "dummy.DummyClassifier", "dummy.DummyRegressor",
    "ensemble._forest.ExtraTreesClassifier", "ensemble._forest.ExtraTreesRegressor",
    "ensemble._forest.RandomForestClassifier", "ensemble._forest.RandomForestRegressor",
    "ensemble._gb.GradientBoostingClassifier", "ensemble._gb.GradientBoostingRegressor",
    "ensemble._hist_gradient_boosting.binning._BinMapper",
    "ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingClassifier",
    "ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingRegressor",
    "ensemble._hist_gradient_boosting.predictor.TreePredictor", "impute._base.SimpleImputer",
    "linear_model._base.LinearRegression", "linear_model._bayes.BayesianRidge",
    "linear_model._coordinate_descent.ElasticNet", "linear_model._coordinate_descent.ElasticNetCV",
    "linear_model._coordinate_descent.Lasso", "linear_model._coordinate_descent.LassoCV",
    "linear_model._huber.HuberRegressor", "linear_model._logistic.LogisticRegression",
    "linear_model._logistic.LogisticRegressionCV", "linear_model._perceptron.Perceptron",
    "linear_model._quantile.QuantileRegressor", "linear_model._ridge.Ridge", "linear_model._ridge.RidgeCV",
    "linear_model._ridge.RidgeClassifier", "linear_model._ridge.RidgeClassifierCV", "pipeline.Pipeline",
    "preprocessing._data.MinMaxScaler", "preprocessing._data.RobustScaler", "preprocessing._data.StandardScaler",
    "preprocessing._encoders.OneHotEncoder", "preprocessing._encoders.OrdinalEncoder",
    "preprocessing._function_transformer.FunctionTransformer", "preprocessing._label.LabelBinarizer",
    "preprocessing._label.LabelEncoder", "svm._classes.LinearSVC", "svm._classes.LinearSVR",
    "tree._classes.DecisionTreeClassifier", "tree._classes.DecisionTreeRegressor", "tree._classes.ExtraTreeClassifier",
    "tree._classes.ExtraTreeRegressor",
)  # fmt: skip
_PRIMITIVES: Final = frozenset({"builtins.bool", "builtins.float", "builtins.int", "builtins.str"})

KNOWN: Final[Mapping[str, frozenset[str]]] = {
    "DTypeNode": frozenset({"numpy.dtype"}),
    "DictNode": frozenset({"builtins.dict"}),
    "JsonNode": _PRIMITIVES,
    "ListNode": frozenset({"builtins.list"}),
    "LossNode": frozenset(
        f"sklearn._loss._loss.Cy{name}"
        for name in (
            "AbsoluteError", "ExponentialLoss", "HalfBinomialLoss", "HalfGammaLoss", "HalfMultinomialLoss",
            "HalfPoissonLoss", "HalfSquaredError", "HuberLoss", "PinballLoss",
        )
    ),
    "NdArrayNode": _NUMPY | {"numpy.ndarray"},
    "ObjectNode": frozenset(f"sklearn.{name}" for name in _SKLEARN),
    "RandomGeneratorNode": frozenset({"numpy.random._generator.Generator"}),
    "RandomStateNode": frozenset({"numpy.random.mtrand.RandomState"}),
    "SliceNode": frozenset({"builtins.slice"}),
    "TreeNode": frozenset({"sklearn.tree._tree.Tree"}),
    "TupleNode": frozenset({"builtins.tuple"}),
    "TypeNode": _PRIMITIVES | _NUMPY,
}  # fmt: skip
"""The types that models with shortcuts consist of, by the node of skops that stands for them."""

_GENERATORS: Final = frozenset(f'"{name}"' for name in ("MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64"))


def unknown_types(data: bytes) -> frozenset[str]:
    """Name what a skops file holds beyond the known types; the file's members were checked before.

    Raises:
        ValueError: its schema is no JSON, or too long.
        zipfile.BadZipFile: it cannot be unpacked.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive, archive.open(SCHEMA) as file:
        text = file.read(MOST_BYTES + 1)
    if len(text) > MOST_BYTES:
        raise ValueError(f"{SCHEMA} has more than {MOST_BYTES} bytes")
    return frozenset(name for name in _nodes(orjson.loads(text)) if name)


def _nodes(root: Any) -> set[str]:
    """Walk everything: a node may stand wherever its parent's class looks for it."""
    found: set[str] = set()
    waiting = [root]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            found.add(_unknown(part))
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)
    return found


def _unknown(part: dict[str, Any]) -> str:
    if not part.keys() & {"__loader__", "__class__", "__module__"}:
        return ""
    loader, name = part.get("__loader__"), f"{part.get('__module__')}.{part.get('__class__')}"
    if name not in KNOWN.get(str(loader), ()):
        return f"{name} ({loader})"
    if loader == "RandomGeneratorNode" and not _has_known_generator(part):
        return "a generator of random numbers"
    return ""


def _has_known_generator(part: dict[str, Any]) -> bool:
    """Say whether it is one of numpy's own, which stands as a text in its state."""
    try:
        return part["content"]["bit_generator"]["content"]["bit_generator"]["content"] in _GENERATORS
    except (KeyError, TypeError):
        return False
