"""Reading a bundle's folder: each file once, so that what is hashed is what is loaded."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml
from pydantic import TypeAdapter, ValidationError

from weirkeeper.api.bundle import (
    GOLDEN_FILE,
    MANIFEST_FILE,
    MODEL_FILES,
    PROFILE_FILE,
    SHORTCUT_FILE,
    BundleManifest,
    GoldenRequest,
)
from weirkeeper_server.digest import digest_of_files, files_of
from weirkeeper_server.errors import BundleError
from weirkeeper_server.pickles import ADVICE, SUFFIXES
from weirkeeper_server.plain_yaml import read_yaml

if TYPE_CHECKING:
    from weirkeeper.statistics.profile import ReferenceProfile

MOST_PROFILE_BYTES: Final = 256 * 2**10
FETCHED_FILE: Final = ".fetched.json"
"""What the init container leaves beside the bundle: the artifact's digest and that of the folder it became."""

_GOLDEN = TypeAdapter(tuple[GoldenRequest, ...])


@dataclass(frozen=True)
class Bundle:
    """A bundle's parts, checked against their schemas; `model` and `shortcut` hold the bytes of files, unopened.

    `profile_document` is the profile as the file has it, for those who read the evidence.
    """

    manifest: BundleManifest
    model: bytes
    profile: ReferenceProfile
    profile_document: Mapping[str, Any]
    golden: tuple[GoldenRequest, ...]
    sha256: str
    shortcut: bytes | None = None

    def without_files(self) -> Bundle:
        """Give it without the bytes of its model, of which nothing is needed once it was loaded."""
        return replace(self, model=b"", shortcut=None)


def read_bundle(folder: Path) -> Bundle:
    """Read a bundle without opening its model.

    Raises:
        BundleError: NotABundle where a file lacks or does not follow its schema, PickleRefused where there is a
            pickle instead, ModelLoadFailed where the bytes are not those that were fetched.
    """
    contents = _read(folder)
    fetched = contents.pop(FETCHED_FILE, None)
    name = check_names(list(contents))
    if len(contents[PROFILE_FILE]) > MOST_PROFILE_BYTES:
        raise BundleError(
            "NotABundle",
            f"{PROFILE_FILE} has {len(contents[PROFILE_FILE])} bytes, more than {MOST_PROFILE_BYTES}; "
            "make the bundle again with fewer columns",
        )
    document = _json(PROFILE_FILE, contents[PROFILE_FILE])
    manifest = _manifest(contents[MANIFEST_FILE])
    if manifest.model_file != name:
        raise BundleError(
            "NotABundle",
            f"{MANIFEST_FILE} has runtime {manifest.runtime}, which reads {manifest.model_file}, not {name}",
        )
    return Bundle(
        manifest=manifest,
        model=contents[name],
        profile=_profile(document),
        profile_document=document,
        golden=_golden(contents[GOLDEN_FILE]),
        sha256=_sha256(contents, fetched),
        shortcut=contents.get(SHORTCUT_FILE),
    )


def _read(folder: Path) -> dict[str, bytes]:
    try:
        return {name: path.read_bytes() for name, path in files_of(folder).items()}
    except OSError as error:
        raise BundleError("NotABundle", f"the bundle cannot be read: {error.strerror}") from error


def check_names(names: list[str]) -> str:
    """Check by the names of a folder's files that it can be a bundle; give the name of the model's file.

    Raises:
        BundleError: PickleRefused or NotABundle.
    """
    models = [name for name in MODEL_FILES.values() if name in names]
    missing = [name for name in (MANIFEST_FILE, PROFILE_FILE, GOLDEN_FILE) if name not in names]
    if len(models) == 1 and not missing:
        return models[0]
    pickles = sorted(name for name in names if name.lower().endswith(SUFFIXES))
    if pickles and not models:
        raise BundleError("PickleRefused", f"the model is a pickle ({pickles[0]}), {ADVICE}")
    if len(models) > 1:
        raise BundleError("NotABundle", f"the folder holds {' and '.join(models)}; a bundle has one model: keep one")
    if not models:
        missing.insert(0, " or ".join(MODEL_FILES.values()))
    held = ", ".join(sorted(names)[:5]) or "nothing"
    raise BundleError(
        "NotABundle", f"{', '.join(missing)} lacks; the folder holds {held}. Make a bundle with `weirkeeper bundle`"
    )


def _manifest(data: bytes) -> BundleManifest:
    try:
        return BundleManifest.model_validate(read_yaml(data))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise BundleError("NotABundle", f"{MANIFEST_FILE} does not follow its schema: {_first(error)}") from error


def _golden(data: bytes) -> tuple[GoldenRequest, ...]:
    try:
        return _GOLDEN.validate_json(data)
    except ValidationError as error:
        raise BundleError("NotABundle", f"{GOLDEN_FILE} does not follow its schema: {_first(error)}") from error


def _json(name: str, data: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BundleError("NotABundle", f"{name} is no JSON: {error}") from error
    if not isinstance(document, dict):
        raise BundleError("NotABundle", f"{name} is no JSON object; make the bundle with `weirkeeper bundle`")
    return document


def _profile(document: Mapping[str, Any]) -> ReferenceProfile:
    from weirkeeper.statistics.profile import ReferenceProfile  # noqa: PLC0415  the init container needs no numpy

    try:
        return ReferenceProfile.from_json(document)
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise BundleError("NotABundle", f"{PROFILE_FILE} does not follow its schema: {_first(error)}") from error


def _first(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return " ".join(str(error).split())
    problem = error.errors(include_url=False)[0]
    return f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}"


def _sha256(contents: Mapping[str, bytes], fetched: bytes | None) -> str:
    folder = digest_of_files({name: hashlib.sha256(data).hexdigest() for name, data in contents.items()})
    if fetched is None:
        return folder
    record = _json(FETCHED_FILE, fetched)
    if record.get("folder") != folder:
        raise BundleError(
            "ModelLoadFailed", "the files are not those that were fetched and verified; use a new path for new bytes"
        )
    return str(record["sha256"])
