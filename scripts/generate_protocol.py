#!/usr/bin/env python3
"""Write the Python code of messages, and their types, from their definitions.

`--check` writes nothing and ends with 1 where a file is not what the compiler makes of a definition.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

SOURCE: Final = Path(__file__).resolve().parent.parent / "model-server" / "src"
SERVER: Final = Path("weirkeeper_server")
DEFINITIONS: Final = (SERVER / "protocol" / "open_inference.proto", SERVER / "onnx_format" / "onnx_ml.proto")

# Every implementation of the protocol has messages of the same full names. In the pool that all modules share, the
# server could not be imported in one process with a client such as tritonclient.
SHARED_POOL: Final = "_descriptor_pool.Default()"
OWN_POOL: Final = "_descriptor_pool.DescriptorPool()"


def generated(definition: Path) -> Mapping[Path, str]:
    """Compile a definition; gives the content of each file."""
    code, types = (definition.with_name(f"{definition.stem}_pb2.{suffix}") for suffix in ("py", "pyi"))
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "grpc_tools.protoc", "--proto_path", str(SOURCE)]
        command += ["--python_out", folder, "--pyi_out", folder, str(definition)]
        subprocess.run(command, check=True)
        content = {path: (Path(folder) / path).read_text() for path in (code, types)}
    if content[code].count(SHARED_POOL) != 1:
        raise SystemExit(
            f"generate_protocol: the compiler's code no longer has {SHARED_POOL} once; see how it reads now"
        )
    return {**content, code: content[code].replace(SHARED_POOL, OWN_POOL)}


def main() -> int:
    """Write or check the files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, say what differs")
    check = parser.parse_args().check
    files = {SOURCE / path: content for made in map(generated, DEFINITIONS) for path, content in made.items()}
    differing = [path for path, content in files.items() if not path.exists() or path.read_text() != content]
    for path in differing:
        if check:
            print(f"{path.relative_to(SOURCE)} is not what its definition makes: run scripts/generate_protocol.py")
        else:
            path.write_text(files[path])
    return 1 if check and differing else 0


if __name__ == "__main__":
    sys.exit(main())
