"""What benchmarks are asked for: help is help, and what nobody understands is said."""

from __future__ import annotations

import pytest

from bench import monitors
from bench.asking import Asked, asked
from bench.drift import __main__ as bench_drift
from bench.gates import __main__ as bench_gates


@pytest.mark.parametrize("main", [bench_gates.main, bench_drift.main, monitors.main])
@pytest.mark.parametrize(("arguments", "code"), [(["--help"], 0), (["--publsh"], 2), (["--quick", "--publish"], 2)])
def test_nothing_is_measured_for_help_or_a_wrong_word(
    main: object, arguments: list[str], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)  # type: ignore[operator]
    assert ended.value.code == code
    assert "--publish" in "".join(capsys.readouterr())


@pytest.mark.parametrize(("value", "quick"), [("1", True), ("0", False), ("", False)])
def test_a_first_look_is_asked_for_by_the_environment_too(
    value: str, *, quick: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_QUICK", value)
    assert asked("bench.gates", None, []) == Asked(quick, publish=False)
    assert asked("bench.gates", None, ["--quick"]).quick
