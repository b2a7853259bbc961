"""A cluster of plain processes on this machine: up, down, status, and single components stopped and started."""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.cluster import api, certificates, configuration, controlgroups, imagestore, network, processes
from tests.cluster.components import Component, components, launch, wait_ready
from tests.cluster.errors import ClusterError, CommandFailed, MissingProgram
from tests.cluster.places import Place
from tests.cluster.programs import COREDNS, KUBERNETES, built, install_packages
from tests.cluster.shell import output, say, wait_until

CONTAINER_LOGS = Path("/var/log/containers")


@contextmanager
def _alone(place: Place) -> Iterator[None]:
    """Keep two commands from making or removing the same cluster at once."""
    place.state.parent.mkdir(parents=True, exist_ok=True)
    with (place.state.parent / f".{place.name}.lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another process that starts or stops {place.name}")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _parts(place: Place) -> tuple[Component, ...]:
    """The components that this cluster has: all of them, or etcd and the API server."""
    every = components(place, built(KUBERNETES), built(COREDNS))
    only_control_plane = (place.state / "control-plane-only").exists()
    return tuple(part for part in every if part.control_plane or not only_control_plane)


def up(place: Place, *, control_plane_only: bool = False) -> None:
    """Make the cluster, or bring back what of it is missing; one that cannot be repaired is made anew."""
    if os.geteuid() != 0:
        raise MissingProgram("run this as root: without Docker the cluster consists of processes that need it")
    install_packages()
    with _alone(place):
        if (place.state / "control-plane-only").exists() and not control_plane_only:
            raise ClusterError(f"{place.name} was made with --control-plane-only; run `down` first, then `up`")
        pause = _prerequisites(control_plane_only=control_plane_only)
        if not _works(place):
            _make_or_repair(place, pause)
    say(f"{place.name} is up; kubeconfig: {place.kubeconfig}")


def _prerequisites(*, control_plane_only: bool) -> str:
    """Build what is not built yet; the name of the pause image, empty where no pod will run."""
    built(KUBERNETES)
    if control_plane_only:
        return ""
    built(COREDNS)
    return imagestore.pause_image()


def _works(place: Place) -> bool:
    """Whether there is nothing to do: a cluster that serves is never made anew, however slow it is."""
    if not place.state.exists() or not network.exists(place):
        return False
    alive = all(processes.running(place, part.name) for part in _parts(place))
    return alive and api.answers(place, "/readyz")


def _make_or_repair(place: Place, pause: str) -> None:
    existed = place.state.exists()
    try:
        _bring_up(place, pause)
    except ClusterError as failure:
        if not existed:
            raise
        say(f"cannot repair what was left of {place.name} ({failure}); making it anew")
        _remove(place)
        _bring_up(place, pause)


def _bring_up(place: Place, pause: str) -> None:
    if place.state.exists() and not network.exists(place):
        say(f"{place.name} has no network namespace (the machine was started again?); removing what is left of it")
        _remove(place)
    place.state.mkdir(parents=True, exist_ok=True)
    if not pause:
        (place.state / "control-plane-only").touch()
    network.create(place)
    controlgroups.create(place)
    certificates.create(place)
    configuration.write(place, pause)
    _start_all(place, pause)


def _start_all(place: Place, pause: str) -> None:
    parts = _parts(place)
    for part in parts:
        launch(place, part)
        if part.name in {"etcd", "kube-apiserver", "containerd"}:  # the others need them
            wait_ready(place, part)
        if part.name == "containerd":
            imagestore.load(place, pause)
    api.grant(place)
    for part in parts:
        wait_ready(place, part)
    if pause:
        _wait_for_default_account(place)


def _wait_for_default_account(place: Place) -> None:
    """No pod can be made before its namespace has this account."""
    path = "/api/v1/namespaces/default/serviceaccounts/default"
    wait_until("the default service account", lambda: api.answers(place, path), timeout=60)


def down(place: Place) -> None:
    """Remove the cluster: processes and shims by pid, mounts, network namespace, control groups, state."""
    with _alone(place):
        _remove(place)
    say(f"{place.name} is gone")


def _remove(place: Place) -> None:
    if not place.state.exists() and not network.exists(place):
        return
    say(f"removing {place.name}")
    for record in sorted((place.state / "pids").glob("*.json"), key=_stop_order):
        processes.stop(place, record.stem)
    controlgroups.delete(place)
    for pid, started in processes.shims(place):
        processes.end(pid, started)
    _unmount(place.state)
    _remove_log_links(place)
    network.delete(place)
    controlgroups.delete(place)
    shutil.rmtree(place.state)


def _stop_order(record: Path) -> int:
    """kubelet first, so that nothing is started again, and containerd last but for what keeps state."""
    order = ("kubelet", "coredns", "kube-proxy", "kube-scheduler", "kube-controller-manager", "kube-apiserver", "etcd")
    return order.index(record.stem) if record.stem in order else len(order)


def _unmount(state: Path) -> None:
    mounted = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    for target in reversed([path for path in mounted if Path(path).is_relative_to(state)]):
        try:
            output(["umount", target])
        except CommandFailed:
            output(["umount", "--lazy", target])


def _remove_log_links(place: Place) -> None:
    """kubelet links every container's log from a folder that all clusters share."""
    for link in CONTAINER_LOGS.glob("*.log"):
        if link.is_symlink() and link.readlink().is_relative_to(place.state):
            with suppress(FileNotFoundError):
                link.unlink()


def require_up(place: Place) -> None:
    """Refuse when the cluster has not been made."""
    if not network.exists(place) or not place.kubeconfig.exists():
        raise ClusterError(f"there is no cluster {place.name}; make it with `python3 -m tests.cluster up`")


def start(place: Place, name: str) -> None:
    """Start one component of a cluster and wait until it is ready."""
    part = _part(place, name)
    launch(place, part)
    wait_ready(place, part)


def stop(place: Place, name: str) -> None:
    """End one component of a cluster, as an outage of it would."""
    say(f"stopping {name}")
    processes.stop(place, _part(place, name).name)


def _part(place: Place, name: str) -> Component:
    require_up(place)
    parts = {part.name: part for part in _parts(place)}
    if name not in parts:
        raise ClusterError(f"{place.name} has no component {name!r}; it has {', '.join(parts)}")
    return parts[name]


def status(place: Place) -> bool:
    """Print what runs; True when everything of the cluster does."""
    if not place.state.exists():
        print(f"{place.name}: absent")
        return False
    rows = {part.name: processes.running(place, part.name) for part in _parts(place)}
    for name, record in rows.items():
        print(f"{name:<24} {f'running, pid {record.pid}' if record else 'not running'}")
    ready = api.answers(place, "/readyz")
    print(f"{'API server':<24} {'ready' if ready else 'not ready'} at {configuration.api_url(place)}")
    return ready and all(rows.values())


def log_names(place: Place) -> Sequence[str]:
    return sorted(path.stem for path in (place.state / "logs").glob("*.log"))


def command_inside(place: Place, command: Sequence[str]) -> list[str]:
    """A command as it runs in the cluster's network, where Services answer and their names resolve."""
    require_up(place)
    resolver = json.dumps(str(place.state / "resolv.conf"))
    script = f'mount --bind {resolver} /etc/resolv.conf && exec "$@"'
    return network.inside(place, "unshare", "--mount", "sh", "-c", script, "sh", *command)
