"""Getting the programs a cluster needs: Debian packages, and Go modules built once and kept in the cache."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.cluster.errors import MissingProgram
from tests.cluster.places import cache, content_key, locked
from tests.cluster.shell import long_run, output, say

BINARIES = Path(__file__).parent / "binaries"
KUBERNETES_VERSION = "v1.36.3"
BUILD_TIMEOUT = 2400.0
PACKAGES = {  # a program that a Debian package brings
    "containerd": "containerd",
    "runc": "runc",
    "/usr/lib/cni/bridge": "containernetworking-plugins",
    "iptables": "iptables",
    "conntrack": "conntrack",
    "socat": "socat",
    "debootstrap": "debootstrap",
    "/usr/share/keyrings/debian-archive-keyring.gpg": "debian-archive-keyring",
    "buildah": "buildah",
    "openssl": "openssl",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "mount": "mount",
}


HELM_VERSION = "v3.22.0"


def _linker_flags(stamps: Mapping[str, str]) -> str:
    return " ".join(["-s", "-w", *[f"-X {name}={value}" for name, value in stamps.items()]])


def _kubernetes_stamps() -> dict[str, str]:
    """Without them kubectl refuses to parse the server's version."""
    major, minor, _ = KUBERNETES_VERSION.removeprefix("v").split(".")
    values = {"gitVersion": KUBERNETES_VERSION, "gitMajor": major, "gitMinor": minor}
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    return {f"{package}.{name}": value for package in packages for name, value in values.items()}


def _helm_stamps() -> dict[str, str]:
    """Without them helm believes that it renders for Kubernetes 1.20."""
    major, minor, _ = KUBERNETES_VERSION.removeprefix("v").split(".")
    packages = ("helm.sh/helm/v3/pkg/lint/rules", "helm.sh/helm/v3/pkg/chartutil")
    versions = {"k8sVersionMajor": major, "k8sVersionMinor": minor}
    stamps = {f"{package}.{name}": value for package in packages for name, value in versions.items()}
    return stamps | {"helm.sh/helm/v3/internal/version.version": HELM_VERSION}


@dataclass(frozen=True)
class Module:
    """A Go program: the folder of its sources here, or an exact version of a published module."""

    name: str
    version: str = ""
    linker_flags: str = "-s -w"
    expectation: str = "a minute or two"
    sources: tuple[str, ...] = field(default=("main.go", "go.mod", "go.sum"))

    @property
    def key(self) -> str:
        folder = BINARIES / self.name
        present = [] if self.version else [path for name in self.sources if (path := folder / name).exists()]
        return content_key(present, self.version, self.linker_flags)

    @property
    def path(self) -> Path:
        return cache() / "bin" / f"{self.name}-{self.key}"


KUBERNETES = Module(
    "kubernetes", linker_flags=_linker_flags(_kubernetes_stamps()), expectation="8 minutes on two cores"
)
COREDNS = Module("coredns", expectation="2 minutes on two cores")
PAUSE = Module("pause")
HELM = Module(
    "helm",
    version=f"helm.sh/helm/v3/cmd/helm@{HELM_VERSION}",
    linker_flags=_linker_flags(_helm_stamps()),
    expectation="3 minutes on two cores",
)
KUBECONFORM = Module("kubeconform", version="github.com/yannh/kubeconform/cmd/kubeconform@v0.8.0")
KIND = Module("kind", version="sigs.k8s.io/kind@v0.33.0")
FAKE_GCS_SERVER = Module("fake-gcs-server", version="github.com/fsouza/fake-gcs-server@v1.56.1")
KSTATUS = Module("kstatus")
KREW = Module("krew", version="sigs.k8s.io/krew/cmd/krew@v0.5.0")
H2SPEC = Module("h2spec")
GRPC_CLIENT = Module("grpc-client")
_MODULES = (KUBERNETES, COREDNS, PAUSE, HELM, KUBECONFORM, KIND, FAKE_GCS_SERVER, KSTATUS, KREW, H2SPEC, GRPC_CLIENT)
TOOLS = {module.name: module for module in _MODULES}


def built(module: Module) -> Path:
    """The path of the module's program, built first when the cache does not hold it."""
    if not module.path.exists():
        with locked(f"bin-{module.name}"):
            if not module.path.exists():
                _build(module)
    return module.path


def _build(module: Module) -> None:
    if shutil.which("go") is None:
        raise MissingProgram(f"`go` is not on PATH; install Go 1.26 or later: {module.name} is built from its modules")
    work = module.path.parent / f".{module.name}.building"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    environment = {**os.environ, "CGO_ENABLED": "0", "GOBIN": str(work), "GOFLAGS": "-buildvcs=false"}
    flags = ["-trimpath", "-ldflags", module.linker_flags]
    what = f"building {module.name} (first time: about {module.expectation}, then kept in {module.path.parent})"
    if module.version:
        long_run(what, ["go", "install", *flags, module.version], timeout=BUILD_TIMEOUT, environment=environment)
    else:
        command = ["go", "build", *flags, "-o", str(work / module.name), "."]
        long_run(what, command, timeout=BUILD_TIMEOUT, cwd=BINARIES / module.name, environment=environment)
    (work / module.name).rename(module.path)
    shutil.rmtree(work)


def _is_there(program: str) -> bool:
    return Path(program).exists() if program.startswith("/") else shutil.which(program) is not None


def install_packages(programs: Sequence[str] = tuple(PACKAGES)) -> None:
    """Install the Debian packages of those programs that are not there yet."""
    missing = sorted(PACKAGES[program] for program in programs if not _is_there(program))
    if not missing:
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise MissingProgram(f"install these Debian packages, then try again (root and apt-get are needed): {missing}")
    apt_install(missing)


def apt_install(packages: Sequence[str]) -> None:
    """Install Debian packages without questions."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with locked("apt"):
        long_run("refreshing the package lists", ["apt-get", "update", "-q"], timeout=600, environment=environment)
        command = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages]
        long_run(f"installing {' '.join(packages)}", command, timeout=900, environment=environment)


def promtool() -> Path:
    """The path of promtool, unpacked from Debian's package: installing it would start a server on this machine."""
    folder = cache() / "promtool"
    program = folder / "usr" / "bin" / "promtool"
    with locked("promtool"):
        if not program.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            subprocess.run(["chmod", "0777", str(folder)], check=True)  # apt downloads as its own user
            say("fetching promtool")
            if subprocess.run(["apt-cache", "show", "prometheus"], capture_output=True, check=False).returncode:
                output(["apt-get", "update", "-q"], timeout=600)
            long_run("downloading Debian's prometheus", ["apt-get", "download", "prometheus"], timeout=600, cwd=folder)
            (package,) = folder.glob("prometheus_*.deb")
            output(["dpkg-deb", "-x", str(package), str(folder)], timeout=120)
            package.unlink()
    return program
