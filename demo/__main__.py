"""The command line: ``python -m demo run`` tells the story, ``python -m demo down`` takes everything away."""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from demo import bundles, canary, closing, drift, install, logs, serving, training
from demo.commands import Kubectl
from demo.errors import DemoError, StoryError
from demo.names import RELEASE, ROOT, SYSTEM_NAMESPACE, VERSIONS
from demo.stage import RATE, Images, Stage
from demo.story import Story

LOGS: Final = ROOT / "build" / "demo-logs"
INTERRUPTED: Final = 130
IMAGE_NAMES: Final = ("operator", "server", "envoy", "prometheus")

SCENES: Final[tuple[Callable[[Stage], None], ...]] = (
    serving.first_model,
    serving.live_traffic,
    canary.promote_v2,
    canary.roll_back_v3,
    drift.latency_in_prometheus,
    drift.rows_drift,
    closing.the_end,
)


def train(story: Story, folder: Path) -> tuple[training.Tables, dict[str, Path]]:
    """Train the three versions, prove what the story says of them, and write their bundles."""
    story.chapter("Three versions of a model are trained")
    data, versions, paths = bundles.write_all(folder)
    v1, v2, v3 = (versions[name] for name in VERSIONS)
    for version in (v1, v2, v3):
        size = bundles.size(paths[version.name])
        story.check(
            f"{version.name}'s bundle fits into a ConfigMap",
            true=size <= bundles.CONFIG_MAP_LIMIT,
            found=f"{size // 1000} kB, offline accuracy {version.accuracy:.1%}",
        )
    story.check(
        "v2 is better than v1 on held-out rows",
        true=v2.accuracy - v1.accuracy > 0.02,
        found=f"accuracy {v1.accuracy:.1%} → {v2.accuracy:.1%}",
    )
    story.check(
        "v3 scores well too, on rows like those it learnt from",
        true=v3.accuracy >= v2.accuracy - 0.01,
        found=f"{v3.accuracy:.1%}; its extract has no {training.LOST_SIZE!r} rows, "
        f"{training.lost_share(data):.1%} of live rows are",
    )
    return data, paths


def set_up(story: Story, kubectl: Kubectl, images: Images, chart: Path, former: list[str]) -> str:
    """Install the chart and make the namespace of this run; returns its name."""
    story.chapter("The operator is installed with Helm")
    install.create_namespace(kubectl, SYSTEM_NAMESPACE)
    install.forget_pending_release(kubectl)
    shown = chart.relative_to(ROOT) if chart.is_relative_to(ROOT) else chart
    story.say(f"$ helm upgrade --install {RELEASE} {shown} --namespace {SYSTEM_NAMESPACE}")
    install.install_chart(chart, images)
    story.wait("the operator is ready", lambda: install.deployments_ready(kubectl.inside(SYSTEM_NAMESPACE)), within=180)
    if former:
        story.wait("the namespaces of former runs are gone", lambda: install.gone(kubectl, former), within=180)
    namespace = install.next_namespace(former)
    install.create_namespace(kubectl, namespace)
    story.say(f"the story takes place in namespace {namespace}")
    return namespace


def tell(story: Story, kubectl: Kubectl, options: argparse.Namespace, work: Path) -> None:
    """Tell the whole story."""
    former = install.remove_former_runs(kubectl)
    data, paths = train(story, work)
    images = Images(**dict(options.image))
    namespace = set_up(story, kubectl, images, options.chart, former)
    stage = Stage(story, kubectl.inside(namespace), images, options.chart, work, data, paths, options.rate)
    options.namespace = namespace
    for version, bundle in paths.items():
        install.store_bundle(stage.kubectl, version, bundle)
    stage.prometheus.start()
    for scene in SCENES:
        scene(stage)


def run(options: argparse.Namespace) -> int:
    """Tell the story; 1 when a line is not true, 130 when interrupted."""
    story, kubectl = Story(), Kubectl()
    try:
        with tempfile.TemporaryDirectory(prefix="weirkeeper-demo-") as work:
            tell(story, kubectl, options, Path(work))
    except DemoError as error:
        name, found = (error.name, error.detail) if isinstance(error, StoryError) else (story.at, str(error))
        return _end_badly(story, kubectl, options, name, found)
    except (LookupError, OSError, ValueError) as error:  # an answer of another shape than the story reads
        return _end_badly(story, kubectl, options, story.at, f"{type(error).__name__}: {error}")
    except KeyboardInterrupt:
        story.say("\ninterrupted; the cluster stays, and the next run tells the story in a fresh namespace")
        return INTERRUPTED
    return 0


def _end_badly(story: Story, kubectl: Kubectl, options: argparse.Namespace, name: str, found: str) -> int:
    story.failed(name, found)
    namespaces = [name for name in (options.namespace, SYSTEM_NAMESPACE) if name]
    folder = logs.collect(kubectl, namespaces, LOGS / time.strftime("%Y%m%d-%H%M%S"))
    story.say(f"logs and objects: {folder}")
    return 1


def down(_: argparse.Namespace) -> int:
    """Remove everything that the demo made in the cluster."""
    try:
        for what in install.remove_everything(Kubectl()):
            print(f"removing {what}", flush=True)
    except DemoError as error:
        print(f"not everything could be removed: {error}", file=sys.stderr)
        return 1
    return 0


def _image(text: str) -> tuple[str, str]:
    name, _, full = text.partition("=")
    if name not in IMAGE_NAMES or not full:
        raise argparse.ArgumentTypeError(f"got {text!r}; expected NAME=IMAGE with NAME one of {', '.join(IMAGE_NAMES)}")
    return name, full


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    described = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    commands = described.add_subparsers(dest="command", required=True)
    telling = commands.add_parser("run", help="tell the story on the cluster of $KUBECONFIG")
    telling.add_argument(
        "--image",
        type=_image,
        action="append",
        required=True,
        metavar="NAME=IMAGE",
        help=f"once for each of {', '.join(IMAGE_NAMES)}",
    )
    telling.add_argument("--chart", type=Path, default=ROOT / "charts" / "weirkeeper")
    telling.add_argument("--rate", type=float, default=RATE, help="requests per second to ask for")
    telling.set_defaults(what=run, namespace="")
    commands.add_parser("down", help="remove namespaces and release").set_defaults(what=down)
    return described


def main() -> int:
    """Run the command."""
    described = parser()
    options = described.parse_args()
    missing = set(IMAGE_NAMES) - {name for name, _ in getattr(options, "image", None) or ()}
    if options.command == "run" and missing:
        described.error(f"--image is missing for {', '.join(sorted(missing))}")
    result: int = options.what(options)
    return result


if __name__ == "__main__":
    sys.exit(main())
