"""The adversarial corpus of artifacts: each item is made where a test wants it, and says by which reason it is refused.

ONNX files have a place of their own. Requests and Kubernetes objects that are hostile are no artifacts.
"""

from __future__ import annotations

import gzip
import io
import json
import lzma
import shutil
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.corpus import artifacts

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


def many_entries(count: int) -> bytes:
    """A zip of so many entries, all of one empty member: small to make, dear to list."""
    name = b"schema.json"
    local = struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 0, 0, 33, 0, 0, 0, len(name), 0) + name
    directory = b"".join(
        struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, 20, 0, 0, 0, 33, 0, 0, 0, 11, 0, 0, 0, 0, 0, 0) + b"%011d" % number
        for number in range(count)
    )
    end_64 = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, len(directory), len(local))
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, len(local) + len(directory), 1)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return local + directory + end_64 + locator + end


def zip_of(members: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of files."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def lying_zip() -> bytes:
    """A zip whose member says that it is small and unpacks to 64 MiB."""
    content = bytes(64 * 2**20)
    size = struct.pack("<L", len(content))
    return zip_of({"model.skops": content}).replace(size, struct.pack("<L", 10))


def encrypted_zip() -> bytes:
    """A zip whose member claims to be encrypted."""
    data = bytearray(zip_of({"model.yaml": b"x"}))
    for magic, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        data[data.index(magic) + offset] |= 1
    return bytes(data)


def tar_of_folders(count: int) -> bytes:
    """A tar of so many folders and no file."""
    member = tarfile.TarInfo("folder")
    member.type = tarfile.DIRTYPE
    return gzip.compress(member.tobuf() * count + bytes(1024))


def tar_with_header(kind: bytes, size: int) -> bytes:
    """A tar whose first header (of a long name, or of PAX) is of `size` zeros, and would be read at once."""
    member = tarfile.TarInfo("header")
    member.type, member.size = kind, size
    return gzip.compress(member.tobuf() + bytes(size))


def tar_bomb() -> bytes:
    """A tar that unpacks to 1,000 times its size."""
    member = tarfile.TarInfo("zeros")
    member.size = 64 * 2**20
    return gzip.compress(member.tobuf() + bytes(member.size) + bytes(1024))


def tar_of(names: Mapping[str, bytes]) -> bytes:
    """A tar of files, names as they are."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, content in names.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


def tar_twice() -> bytes:
    """A tar with two members of one name: one to look at, one to load."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for content in (b"first", b"second"):
            member = tarfile.TarInfo("model.yaml")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


def reducing_schema() -> dict[str, object]:
    """A schema whose object is built by calling `os.system`, as `__reduce__` would have it."""
    argument = {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode", "content": '"id"', "__id__": 3}
    content = {
        "__class__": "tuple",
        "__module__": "builtins",
        "__loader__": "TupleNode",
        "content": [argument],
        "__id__": 2,
    }
    return {
        "__class__": "system",
        "__module__": "os",
        "__loader__": "ReduceNode",
        "__id__": 1,
        "__reduce__": {"args": content},
        "content": content,
        "protocol": 2,
        "_skops_version": "0.16.0",
    }


def partial_schema() -> dict[str, object]:
    """A schema of a `functools.partial` around `os.system`."""
    function = artifacts.function_schema("os", "system") | {"__id__": 2, "content": "os.system"}
    return {
        "__class__": "partial",
        "__module__": "functools",
        "__loader__": "PartialNode",
        "__id__": 1,
        "content": {"func": function, "args": [], "kwds": {}, "namespace": {}},
        "protocol": 2,
        "_skops_version": "0.16.0",
    }


def array_schema(name: str) -> dict[str, object]:
    """A schema of one array in the file `name`."""
    return {
        "__class__": "ndarray",
        "__module__": "numpy",
        "__loader__": "NdArrayNode",
        "__id__": 1,
        "type": "numpy",
        "file": name,
        "protocol": 2,
        "_skops_version": "0.16.0",
    }


def npy(header: str, content: bytes = b"") -> bytes:
    """A numpy file with a header of one's own."""
    text = header.encode().ljust(118) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + content


def deep_json(depth: int) -> bytes:
    """Brackets within brackets."""
    return b"[" * depth + b"]" * depth


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


_HUGE: Final = npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000000,), }")
_OBJECTS: Final = npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", b"\x80\x04K\x01.")
_NAMES: Final = {
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
_BOMB: Final = ("TooLarge", "UnsafeArchive")

HOSTILE: Final[tuple[Hostile, ...]] = (
    *_pickles(),
    _skops("a type of one's own", lambda: artifacts.skops_file(artifacts.function_schema("mine", "Mine")), "UntrustedType"),
    _skops("a function of os", lambda: artifacts.skops_file(artifacts.function_schema("os", "system")), "UntrustedType"),
    _skops("__reduce__", lambda: artifacts.skops_file(reducing_schema()), "UntrustedType", "ModelLoadFailed"),
    _skops("a partial of os.system", lambda: artifacts.skops_file(partial_schema()), "UntrustedType", "ModelLoadFailed"),
    _skops("10^6 entries", lambda: many_entries(10**6), "ModelLoadFailed"),
    _skops("a ratio of 1:1,000", artifacts.swollen, "ModelLoadFailed"),
    _skops("two members of one name", artifacts.duplicated_names, "ModelLoadFailed"),
    *(
        _skops(what, lambda name=name: artifacts.skops_file({}, {name: b""}), "ModelLoadFailed")  # type: ignore[misc]
        for what, name in _NAMES.items()
        if "/" in name or "\\" in name
    ),
    _skops("an array of 8 PB", lambda: artifacts.skops_file(array_schema("a.npy"), {"a.npy": _HUGE}), "ModelLoadFailed"),
    _skops("an array of pickles", lambda: artifacts.skops_file(array_schema("a.npy"), {"a.npy": _OBJECTS}), "ModelLoadFailed"),
    _skops("a missing array", lambda: artifacts.skops_file(array_schema("b.npy")), "ModelLoadFailed"),
    _skops("a schema 10^5 deep", lambda: zip_of({"schema.json": deep_json(10**5)}), "ModelLoadFailed"),
    _skops("a schema that is no JSON", lambda: zip_of({"schema.json": b"\xff\xfe{"}), "ModelLoadFailed"),
    _skops("no schema", lambda: zip_of({"readme": b"x"}), "NotABundle"),
    _skops("a list as schema", lambda: zip_of({"schema.json": b"[]"}), "ModelLoadFailed"),
    _skops("lzma", lambda: zip_of({"schema.json": b"{}"}, zipfile.ZIP_LZMA), "ModelLoadFailed"),
    _skops("a member that is encrypted", lambda: encrypted_zip().replace(b"model.yaml", b"schema.jso"), "NotABundle"),
    _skops("cut off", lambda: artifacts.skops_file({})[:-30], "NotABundle"),
    _skops("random bytes", lambda: bytes(range(256)) * 10, "NotABundle"),
    _skops("nothing", lambda: b"", "NotABundle"),
    *(_zip(what, lambda name=name: artifacts.zip_with(name), "UnsafeArchive") for what, name in _NAMES.items()),  # type: ignore[misc]
    *(_zip(what, lambda mode=mode: artifacts.zip_with("member", mode), "UnsafeArchive") for what, mode in _ZIP_MODES.items()),  # type: ignore[misc]
    _zip("10^6 entries", lambda: many_entries(10**6), "TooLarge"),
    _zip("a ratio of 1:1,000", lambda: zip_of({"model.skops": bytes(64 * 2**20)}), *_BOMB),
    _zip("a size that lies", lying_zip, *_BOMB, "NotABundle"),
    _zip("two members of one name", artifacts.duplicated_names, "UnsafeArchive"),
    _zip("a file that is a folder too", lambda: zip_of({"a": b"x", "a/b": b"y"}), "UnsafeArchive"),
    _zip("encrypted", encrypted_zip, "UnsafeArchive"),
    _zip("lzma", lambda: zip_of({"model.yaml": b"x"}, zipfile.ZIP_LZMA), "UnsafeArchive"),
    _zip("a tar by another name", lambda: tar_of({"model.yaml": b"x"}), "NotABundle"),
    _zip("cut off", lambda: zip_of({"model.yaml": b"x" * 1000})[:-30], "NotABundle"),
    _zip("no files", lambda: zip_of({}), "NotABundle"),
    *(_tar(what, lambda given=given: artifacts.tar_with(**given), "UnsafeArchive") for what, given in artifacts.TAR_MEMBERS.items()),  # type: ignore[misc]
    *(_tar(what, lambda name=name: tar_of({name: b"x"}), "UnsafeArchive") for what, name in _NAMES.items()),  # type: ignore[misc]
    Hostile(
        "tar: a link and a file through it",
        lambda volume, _: _archive("churn.tar.gz", lambda: artifacts.tar_through_link(volume.parent))(volume, _),
        ("UnsafeArchive",),
    ),
    _tar("two members of one name", tar_twice, "UnsafeArchive"),
    _tar("a file that is a folder too", lambda: tar_of({"a": b"x", "a/b": b"y"}), "UnsafeArchive"),
    _tar("20,000 folders", lambda: tar_of_folders(20_000), "TooLarge"),
    _tar("a PAX header of 256 MiB", lambda: tar_with_header(tarfile.XHDTYPE, 2**28), *_BOMB),
    _tar("a name of 256 MiB", lambda: tar_with_header(tarfile.GNUTYPE_LONGNAME, 2**28), *_BOMB),
    _tar("a ratio of 1:1,000", tar_bomb, *_BOMB),
    _tar("a zip by another name", lambda: zip_of({"model.yaml": b"x"}), "NotABundle"),
    _tar("xz by another name", lambda: lzma.compress(gzip.decompress(tar_of({"model.yaml": b"x"}))), "NotABundle"),
    _tar("zlib by another name", lambda: zlib.compress(b"x" * 1000), "NotABundle"),
    _tar("cut off", lambda: tar_of({"model.yaml": bytes(range(256)) * 99})[:200], "NotABundle"),
    Hostile("folder: a link that leads out", _linked_out, ("UnsafeArchive",)),
    _document("model.yaml", "aliases of aliases", b"a: &a [x]\n" + b"".join(
        b"%c: &%c [%s]\n" % (98 + n, 98 + n, b",".join([b"*%c" % (97 + n)] * 9)) for n in range(9)
    )),
    _document("model.yaml", "10^5 deep", deep_json(10**5)),
    _document("model.yaml", "a tag of Python", b"!!python/object/apply:os.system ['id']"),
    _document("model.yaml", "2 MiB", b"#" * 2**21),
    _document("model.yaml", "no UTF-8", b"\xff\xfe\xfd"),
    _document("profile.json", "10^5 deep", deep_json(10**5)),
    _document("profile.json", "1 MiB", b" " * 2**20 + b"{}"),
    _document("profile.json", "a list", b"[]"),
    _document("golden.json", "10^5 deep", deep_json(10**5)),
    _document("golden.json", "17 MiB", b" " * 17 * 2**20 + b"[]"),
    _document("golden.json", "no requests", json.dumps({"a": 1}).encode()),
)  # fmt: skip

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
