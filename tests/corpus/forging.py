"""Generators of files that nobody's tool would write: archives, skops schemas, numpy headers."""

from __future__ import annotations

import gzip
import io
import json
import struct
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from random import Random
from typing import Any

from tests.corpus import artifacts


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


def encrypted_zip(name: str) -> bytes:
    """A zip whose member claims to be encrypted."""
    data = bytearray(zip_of({name: b"{}"}))
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


def damaged(data: bytes, random: Random) -> bytes:
    """The file with up to six bytes changed."""
    changed = bytearray(data)
    for _ in range(random.randint(1, 6)):
        changed[random.randrange(len(changed))] = random.randrange(256)
    return bytes(changed)


def forged(data: bytes, random: Random) -> bytes:
    """A skops file with one to three values of its schema replaced by something else."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(members["schema.json"])
    for _ in range(random.randint(1, 3)):
        holder, key = random.choice(list(_values(schema)))
        other, its_key = random.choice(list(_values(schema)))
        strange: tuple[Any, ...] = (
            None,
            7,
            -1,
            5.5,
            True,
            "x",
            "os",
            "system",
            [],
            {},
            {"a": 1},
            json.loads(json.dumps(other[its_key])),
        )
        holder[key] = random.choice(strange)
    members["schema.json"] = json.dumps(schema).encode()
    name = random.choice(list(members))
    return zip_of(members | ({name: damaged(members[name], random)} if random.random() < 0.3 else {}))


def _values(node: Any) -> Iterator[tuple[Any, Any]]:
    keys = list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
    for key in keys:
        yield node, key
        yield from _values(node[key])
