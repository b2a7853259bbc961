"""The adversarial corpus of artifacts: each item is made where a test wants it, and says by which reason it is refused.

ONNX files have a place of their own. Requests and Kubernetes objects that are hostile are no artifacts.
"""

from __future__ import annotations

import lzma
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from tests.corpus import artifacts, forging

Place = Callable[[Path, Path], str]
"""Puts an artifact into a volume, out of a good bundle where one is needed; gives its path there."""


@dataclass(frozen=True)
class Hostile:
    """An artifact that must be refused, by one of `reasons`."""

    name: str
    place: Place
    reasons: tuple[str, ...]

    def __str__(self) -> str:
        return self.name


def trace_of(volume: Path) -> Path:
    """The file that an opened pickle would make."""
    return volume.parent / "opened"


def _archive(name: str, make: Callable[[], bytes]) -> Place:
    def place(volume: Path, _: Path) -> str:
        (volume / name).write_bytes(make())
        return name

    return place


def _bundle_with(file: str, make: Callable[[Path], bytes]) -> Place:
    """A good bundle but for one file."""

    def place(volume: Path, bundle: Path) -> str:
        shutil.copytree(bundle, volume / "churn")
        (volume / "churn" / file).write_bytes(make(volume))
        return "churn"

    return place


def _pickle(kind: str, name: str) -> Place:
    def place(volume: Path, bundle: Path) -> str:
        shutil.copytree(bundle, volume / "churn")
        if name != "model.skops":
            (volume / "churn" / "model.skops").unlink()
        (volume / "churn" / name).write_bytes(artifacts.evil_pickles(trace_of(volume))[kind])
        return "churn"

    return place


def _linked_out(volume: Path, bundle: Path) -> str:
    shutil.copytree(bundle, volume / "churn")
    (volume.parent / "secret").write_text("secret")
    (volume / "churn" / "more.txt").symlink_to(volume.parent / "secret")
    return "churn"


def _through_link(volume: Path, _: Path) -> str:
    (volume / "churn.tar.gz").write_bytes(artifacts.tar_through_link(volume.parent))
    return "churn.tar.gz"


def _schema(schema: object) -> bytes:
    return artifacts.skops_file(schema)


def _function(module: str, name: str) -> bytes:
    return artifacts.skops_file(artifacts.function_schema(module, name))


def _array(content: bytes) -> bytes:
    return artifacts.skops_file(forging.array_schema("a.npy"), {"a.npy": content})


def _pickles() -> Iterator[Hostile]:
    for kind in artifacts.evil_pickles(Path("unused")):
        yield Hostile(f"pickle, {kind}, as model.skops", _pickle(kind, "model.skops"), ("PickleRefused",))
    for name in ("model.pkl", "model.pickle", "model.joblib", "model.pkl.gz", "MODEL.PKL"):
        yield Hostile(f"pickle as {name}", _pickle("protocol 5", name), ("PickleRefused",))


def _skops(name: str, make: Callable[[], bytes], *reasons: str) -> Hostile:
    return Hostile(f"skops: {name}", _bundle_with("model.skops", lambda _: make()), reasons)


def _zip(name: str, make: Callable[[], bytes], *reasons: str) -> Hostile:
    return Hostile(f"zip: {name}", _archive("churn.zip", make), reasons)


def _tar(name: str, make: Callable[[], bytes], *reasons: str) -> Hostile:
    return Hostile(f"tar: {name}", _archive("churn.tar.gz", make), reasons)


def _document(file: str, name: str, content: bytes) -> Hostile:
    return Hostile(f"{file}: {name}", _bundle_with(file, lambda _: content), ("NotABundle",))


_HUGE: Final = forging.npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000000,), }")
_BROKEN: Final = forging.npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1,")
_OBJECTS: Final = forging.npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", b"\x80\x04K\x01.")
NAMES: Final = {
    "a name that leads upwards": "../escaped",
    "a name that leads upwards within": "a/../../escaped",
    "an absolute name": "/escaped",
    "a backslash": "..\\escaped",
    "a drive": "C:\\escaped",
    "a control character": "model\x1b[2J.yaml",
    "an archive within": "inner.tar.gz",
    "the folder in which files land": ".incoming/model.yaml",
    "a name of 256 letters": "x" * 256,
    "a path of 5,000 letters": "/".join(["x" * 99] * 50),
}
_ZIP_MODES: Final = {
    "a symbolic link": stat.S_IFLNK | 0o777,
    "a device": stat.S_IFCHR | 0o644,
    "a pipe": stat.S_IFIFO | 0o644,
    "a set-user bit": stat.S_IFREG | 0o4755,
}
_DEEP: Final = forging.deep_json(10**5)
_ALIASES: Final = b"a: &a [x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (98 + number, 98 + number, b",".join([b"*%c" % (97 + number)] * 9)) for number in range(9)
)
_BOMB: Final = ("TooLarge", "UnsafeArchive")

SKOPS: Final = (
    _skops("a type of one's own", partial(_function, "mine", "Mine"), "UntrustedType"),
    _skops("a function of os", partial(_function, "os", "system"), "UntrustedType"),
    _skops("__reduce__", partial(_schema, forging.reducing_schema()), "UntrustedType", "ModelLoadFailed"),
    _skops("a partial of os.system", partial(_schema, forging.partial_schema()), "UntrustedType", "ModelLoadFailed"),
    _skops("10^6 entries", partial(forging.many_entries, 10**6), "ModelLoadFailed"),
    _skops("a ratio of 1:1,000", artifacts.swollen, "ModelLoadFailed"),
    _skops("two members of one name", artifacts.duplicated_names, "ModelLoadFailed"),
    *(
        _skops(what, partial(artifacts.skops_file, {}, {name: b""}), "ModelLoadFailed")
        for what, name in NAMES.items()
        if "/" in name or "\\" in name
    ),
    _skops("an array of 8 PB", partial(_array, _HUGE), "ModelLoadFailed"),
    _skops("an array of pickles", partial(_array, _OBJECTS), "ModelLoadFailed"),
    _skops("an array whose header is no Python", partial(_array, _BROKEN), "ModelLoadFailed"),
    _skops("a missing array", partial(_schema, forging.array_schema("b.npy")), "ModelLoadFailed"),
    _skops("a schema 10^5 deep", partial(forging.zip_of, {"schema.json": _DEEP}), "ModelLoadFailed"),
    _skops("a schema that is no JSON", partial(forging.zip_of, {"schema.json": b"\xff\xfe{"}), "ModelLoadFailed"),
    _skops("a list as schema", partial(forging.zip_of, {"schema.json": b"[]"}), "ModelLoadFailed"),
    _skops("lzma", partial(forging.zip_of, {"schema.json": b"{}"}, zipfile.ZIP_LZMA), "ModelLoadFailed"),
    _skops("no schema", partial(forging.zip_of, {"readme": b"x"}), "NotABundle"),
    _skops("encrypted", partial(forging.encrypted_zip, "schema.json"), "ModelLoadFailed"),
    _skops("cut off", lambda: artifacts.skops_file({})[:-30], "NotABundle"),
    _skops("any bytes", lambda: bytes(range(256)) * 10, "NotABundle"),
    _skops("nothing", lambda: b"", "NotABundle"),
)

ZIPS: Final = (
    *(_zip(what, partial(artifacts.zip_with, name), "UnsafeArchive") for what, name in NAMES.items()),
    *(_zip(what, partial(artifacts.zip_with, "member", mode), "UnsafeArchive") for what, mode in _ZIP_MODES.items()),
    _zip("10^6 entries", partial(forging.many_entries, 10**6), "TooLarge"),
    _zip("a ratio of 1:1,000", partial(forging.zip_of, {"model.skops": bytes(64 * 2**20)}), *_BOMB),
    _zip("a size that lies", forging.lying_zip, *_BOMB, "NotABundle"),
    _zip("two members of one name", artifacts.duplicated_names, "UnsafeArchive"),
    _zip("a file that is a folder too", partial(forging.zip_of, {"a": b"x", "a/b": b"y"}), "UnsafeArchive"),
    _zip("encrypted", partial(forging.encrypted_zip, "model.yaml"), "UnsafeArchive"),
    _zip("lzma", partial(forging.zip_of, {"model.yaml": b"x"}, zipfile.ZIP_LZMA), "UnsafeArchive"),
    _zip("a tar by another name", partial(forging.tar_of, {"model.yaml": b"x"}), "NotABundle"),
    _zip("cut off", lambda: forging.zip_of({"model.yaml": b"x" * 1000})[:-30], "NotABundle"),
    _zip("no files", partial(forging.zip_of, {}), "NotABundle"),
)

TARS: Final = (
    *(
        _tar(what, partial(artifacts.tar_with, **given), "UnsafeArchive")
        for what, given in artifacts.TAR_MEMBERS.items()
    ),
    *(_tar(what, partial(forging.tar_of, {name: b"x"}), "UnsafeArchive") for what, name in NAMES.items()),
    Hostile("tar: a link and a file through it", _through_link, ("UnsafeArchive",)),
    _tar("two members of one name", forging.tar_twice, "UnsafeArchive"),
    _tar("a file that is a folder too", partial(forging.tar_of, {"a": b"x", "a/b": b"y"}), "UnsafeArchive"),
    _tar("20,000 folders", partial(forging.tar_of_folders, 20_000), "TooLarge"),
    _tar("a PAX header of 256 MiB", partial(forging.tar_with_header, tarfile.XHDTYPE, 2**28), *_BOMB),
    _tar("a name of 256 MiB", partial(forging.tar_with_header, tarfile.GNUTYPE_LONGNAME, 2**28), *_BOMB),
    _tar("a ratio of 1:1,000", forging.tar_bomb, *_BOMB),
    _tar("a zip by another name", partial(forging.zip_of, {"model.yaml": b"x"}), "NotABundle"),
    _tar("xz by another name", lambda: lzma.compress(b"x" * 1000), "NotABundle"),
    _tar("zlib by another name", lambda: zlib.compress(b"x" * 1000), "NotABundle"),
    _tar("cut off", lambda: forging.tar_of({"model.yaml": bytes(range(256)) * 99})[:200], "NotABundle"),
)

DOCUMENTS: Final = (
    _document("model.yaml", "aliases of aliases", _ALIASES),
    _document("model.yaml", "10^5 deep", _DEEP),
    _document("model.yaml", "a tag of Python", b"!!python/object/apply:os.system ['id']"),
    _document("model.yaml", "2 MiB", b"#" * 2**21),
    _document("model.yaml", "no UTF-8", b"\xff\xfe\xfd"),
    _document("profile.json", "10^5 deep", _DEEP),
    _document("profile.json", "1 MiB", b" " * 2**20 + b"{}"),
    _document("profile.json", "a list", b"[]"),
    _document("golden.json", "10^5 deep", _DEEP),
    _document("golden.json", "17 MiB", b" " * 17 * 2**20 + b"[]"),
    _document("golden.json", "no requests", b'{"a": 1}'),
)

HOSTILE: Final = (
    *_pickles(),
    *SKOPS,
    *ZIPS,
    *TARS,
    *DOCUMENTS,
    Hostile("folder: a link that leads out", _linked_out, ("UnsafeArchive",)),
)

URIS: Final[Mapping[str, str]] = {
    "file:///etc/passwd": "HostNotAllowed",
    "http://169.254.169.254/latest/meta-data.zip": "HostNotAllowed",
    "https://169.254.169.254/a.zip": "HostNotAllowed",
    "https://127.0.0.1/a.zip": "HostNotAllowed",
    "https://[::1]/a.zip": "HostNotAllowed",
    "https://[::ffff:127.0.0.1]/a.zip": "HostNotAllowed",
    "https://[fd00:ec2::254]/a.zip": "HostNotAllowed",
    "https://[64:ff9b::a9fe:a9fe]/a.zip": "HostNotAllowed",
    "https://10.0.0.1/a.zip": "HostNotAllowed",
    "https://2130706433/a.zip": "HostNotAllowed",
    "https://0x7f000001/a.zip": "HostNotAllowed",
    "https://0177.0.0.1/a.zip": "HostNotAllowed",
    "https://localhost/a.zip": "HostNotAllowed",
    "https://example.org:99999/a.zip": "HostNotAllowed",
    "https:///a.zip": "HostNotAllowed",
    "https://user@example.org/a.zip": "HostNotAllowed",
    "https://user:word@example.org/a.zip": "HostNotAllowed",
    "s3://key:secret@models/a.zip": "HostNotAllowed",
    "gopher://example.org/a.zip": "HostNotAllowed",
    "//example.org/a.zip": "HostNotAllowed",
    "https://example.org/model": "NotABundle",
    "https://[::1/a.zip": "HostNotAllowed",
    "pvc://models/../other": "HostNotAllowed",
    "pvc://models/%2e%2e/other": "HostNotAllowed",
    "pvc://models/..%5cother": "HostNotAllowed",
    "pvc://models/%252e%252e/other": "Unreachable",
    "pvc://models/a%00b": "HostNotAllowed",
    "pvc://models//etc/passwd": "Unreachable",
    "pvc://models/" + "x" * 253: "Unreachable",
    "pvc://models/" + "x" * 5000: "Unreachable",
    "": "HostNotAllowed",
}
"""URIs that must not be followed, where the platform allows every public host, and the reason for each."""
