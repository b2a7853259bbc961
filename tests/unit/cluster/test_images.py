from pathlib import Path

import pytest

from tests.cluster import images
from tests.cluster.errors import ClusterError
from tests.cluster.images import IMAGES, Image, tag
from tests.cluster.places import CHECKOUT

COMPILED = CHECKOUT / "operator" / "src" / "weirkeeper" / "compiled"
DOCKERFILE = """\
# A comment.
ARG BASE_IMAGE=python:3.13-slim

FROM ${BASE_IMAGE} AS first
COPY first.txt \\
    second.txt /

FROM ${BASE_IMAGE} AS second
COPY --from=first /first.txt /
COPY source /source

FROM ${BASE_IMAGE} AS lonely
COPY lonely.txt /
"""


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(images, "CHECKOUT", tmp_path)
    (tmp_path / "source" / "deep").mkdir(parents=True)
    for name in ("first.txt", "second.txt", "lonely.txt", "source/deep/module.py"):
        (tmp_path / name).write_text(name)
    (tmp_path / "Dockerfile").write_text(DOCKERFILE)
    return tmp_path


SECOND = Image("second", "Dockerfile", "second")


def test_tag_stays_while_the_inputs_do(checkout: Path) -> None:
    before = tag(SECOND, "base")
    (checkout / "lonely.txt").write_text("another stage's")
    for name in ("module.pyc", "kernels-x86-64-v2.so"):
        (checkout / "source" / "deep" / name).write_text("compiled")
    (checkout / "unrelated").write_text("not copied")
    assert tag(SECOND, "base") == before


@pytest.mark.parametrize("name", ["first.txt", "second.txt", "source/deep/module.py", "source/new.py"])
def test_tag_changes_with_a_copied_file_of_the_stage_and_of_those_it_is_made_from(checkout: Path, name: str) -> None:
    before = tag(SECOND, "base")
    (checkout / name).write_text("changed")
    assert tag(SECOND, "base") != before


def test_tag_changes_with_the_base_and_with_an_instruction(checkout: Path) -> None:
    before = tag(SECOND, "base")
    assert tag(SECOND, "another base") != before
    (checkout / "Dockerfile").write_text(DOCKERFILE.replace("COPY source /source", "COPY source /elsewhere"))
    assert tag(SECOND, "base") != before


def test_a_copy_of_nothing_is_refused_by_name(checkout: Path) -> None:
    (checkout / "first.txt").unlink()
    with pytest.raises(ClusterError, match=r"there is no first\.txt"):
        tag(SECOND, "base")


@pytest.mark.parametrize("name", sorted(IMAGES))
def test_every_image_of_the_project_has_its_stage(name: str) -> None:
    image = IMAGES[name]
    assert f"AS {image.target}\n" in image.path.read_text()
    assert tag(image, "base").startswith(f"weirkeeper.local/{name}:")


@pytest.mark.parametrize("name", ["operator", "server"])
def test_what_is_compiled_into_the_package_is_an_input_and_what_comes_of_it_is_none(name: str) -> None:
    copied = {file for line in images._instructions(IMAGES[name]) for file in images._copied(line)}
    assert {CHECKOUT / "hatch_build.py", COMPILED / "library.c", COMPILED / "library.h"} <= copied
    assert not {file for file in copied if file.suffix == ".so"}
