"""Which library a process takes, and that the one of this checkout is there and of its sources."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

import hatch_build
from weirkeeper.compiled import library
from weirkeeper.compiled.library import GENERATIONS, KernelsUnavailable, load, runnable

FOLDER = Path(library.__file__).parent
HERE = os.uname().machine if sys.platform == "linux" else ""
ON_LINUX = pytest.mark.skipif(HERE not in hatch_build.PROCESSORS, reason="nothing is compiled for this machine")
OLD = "#include <stdint.h>\nint64_t weirkeeper_version(void) { return 0; }\n"

# As /proc/cpuinfo has them: a Xeon E5 v1 has no AVX2, an EPYC of the first generation no AVX-512.
SANDY_BRIDGE = "fpu sse sse2 ht pni ssse3 cx16 sse4_1 sse4_2 popcnt aes xsave avx lahf_lm"
ZEN = f"{SANDY_BRIDGE} abm avx2 bmi1 bmi2 f16c fma movbe sha_ni"
ZEN_4 = f"{ZEN} avx512f avx512dq avx512bw avx512vl avx512cd avx512_vnni"


@pytest.mark.parametrize(
    ("machine", "flags", "names"),
    [
        ("x86_64", ZEN_4, ("x86-64-v3", "x86-64-v2")),
        ("x86_64", ZEN, ("x86-64-v3", "x86-64-v2")),
        ("x86_64", SANDY_BRIDGE, ("x86-64-v2",)),
        ("x86_64", "", ()),
        ("x86_64", ZEN_4.replace(" popcnt", ""), ()),
        ("aarch64", "fp asimd", ("aarch64",)),
        ("riscv64", "", ()),
    ],
)
def test_a_processor_runs_what_has_no_instruction_that_it_lacks(
    machine: str, flags: str, names: tuple[str, ...]
) -> None:
    assert runnable(machine, flags.split()) == names


@pytest.mark.parametrize("lacking", sorted(GENERATIONS["x86-64-v3"]))
def test_each_flag_of_a_generation_is_needed(lacking: str) -> None:
    assert runnable("x86_64", set(ZEN_4.split()) - {lacking}) == ("x86-64-v2",)


def test_every_library_that_is_compiled_can_be_chosen_and_no_other() -> None:
    for machine, names in hatch_build.PROCESSORS.items():
        assert set(runnable(machine, ZEN_4.split())) == set(names)


@ON_LINUX
def test_this_process_has_the_best_library_of_the_processor() -> None:
    names = library._names_here()
    assert names
    assert library.LIBRARY is not None
    if not os.environ.get(library.VARIABLE):
        assert library.LIBRARY._name == str(FOLDER / f"kernels-{names[0]}.so")


@ON_LINUX
def test_the_libraries_are_made_of_the_sources_beside_them() -> None:
    """Otherwise tests would judge others: `make venv` compiles."""
    for name in hatch_build.PROCESSORS[HERE]:
        origin = hatch_build.origin_of(FOLDER, hatch_build.flags_of(name, HERE))
        assert origin.encode() in (FOLDER / f"kernels-{name}.so").read_bytes()


@ON_LINUX
@pytest.mark.parametrize("name", library._names_here())
def test_the_environment_chooses_among_what_the_processor_runs(name: str) -> None:
    assert _in_another_process(name) == f"kernels-{name}.so"


@ON_LINUX
def test_the_environment_can_refuse_all() -> None:
    assert _in_another_process("none") == "None"


def _in_another_process(wanted: str) -> str:
    program = "from weirkeeper.compiled.library import LIBRARY as it; print(it and it._name.rpartition('/')[2])"
    environment = {**os.environ, library.VARIABLE: wanted}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.parametrize("names", [(), ("aarch64",)])
def test_a_library_that_this_processor_cannot_run_is_refused_by_name(names: Sequence[str]) -> None:
    known = ", ".join([*names, "none"])
    with pytest.raises(KernelsUnavailable, match=rf"WEIRKEEPER_KERNELS is 'v5'; this machine can run: {known}"):
        load(FOLDER, names, "v5")


def test_where_nothing_is_compiled_for_nothing_is_missed(tmp_path: Path) -> None:
    assert load(tmp_path, ()) is None


def test_a_library_that_ought_to_be_there_is_missed(tmp_path: Path) -> None:
    with pytest.warns(RuntimeWarning, match=r"has none of kernels-aarch64\.so; build it by `make venv`"):
        assert load(tmp_path, ("aarch64",)) is None
    with pytest.raises(KernelsUnavailable, match="has none of"):
        load(tmp_path, ("aarch64",), "aarch64")


def test_what_is_no_library_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "kernels-aarch64.so").write_text("half of one")
    with pytest.warns(RuntimeWarning, match="nothing compiled is used"):
        assert load(tmp_path, ("aarch64",)) is None


@ON_LINUX
@pytest.mark.parametrize(("source", "version"), [(OLD, "0"), ("int other;\n", "None")])
def test_a_library_of_another_version_is_not_used(tmp_path: Path, source: str, version: str) -> None:
    name = library._names_here()[-1]
    (tmp_path / "old.c").write_text(source)
    hatch_build.compile_one(tmp_path, name, HERE, os.environ)
    with pytest.warns(RuntimeWarning, match=rf"is of version {version}, expected {library.VERSION}; build it by"):
        assert load(tmp_path, (name,)) is None
    with pytest.raises(KernelsUnavailable, match="is of version"):
        load(tmp_path, (name,), name)


@ON_LINUX
def test_a_start_is_hardly_longer_for_it() -> None:
    """Less than a millisecond: /proc/cpuinfo is read up to the first processor's flags, and one file is mapped."""
    durations = []
    for _ in range(20):
        begin = time.process_time()
        library.load(FOLDER, library._names_here())
        durations.append(time.process_time() - begin)
    assert min(durations) < 0.001


@ON_LINUX
def test_generations_differ_in_speed_alone(tmp_path: Path) -> None:
    """A product and a sum are rounded apart, whatever the processor could do in one instruction."""
    (tmp_path / "sums.c").write_text("double product_and_sum(double a, double b, double c) { return a * b + c; }\n")
    for name in library._names_here():
        shutil.rmtree(tmp_path / name, ignore_errors=True)
        path = hatch_build.compile_one(tmp_path, name, HERE, os.environ)
        product_and_sum = ctypes.CDLL(str(path)).product_and_sum
        product_and_sum.argtypes, product_and_sum.restype = [ctypes.c_double] * 3, ctypes.c_double
        assert product_and_sum(1 + 2**-30, 1 - 2**-30, -1.0) == 0.0, name
