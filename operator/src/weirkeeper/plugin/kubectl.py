"""kubectl as the plugin's way to the cluster: its contexts, its credentials, its words for what it refuses."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Self

from weirkeeper.api import names
from weirkeeper.plugin.errors import NotFound, PluginError

Object = Mapping[str, Any]

SECONDS: Final = 60.0
MODELS: Final = f"{names.MODELS}.{names.GROUP}"
ROLLOUTS: Final = f"{names.ROLLOUTS}.{names.GROUP}"
MONITORS: Final = f"{names.MONITORS}.{names.GROUP}"


@dataclass(frozen=True)
class Kubectl:
    """kubectl with the options that the user gave to the plugin, such as `--context` and `--namespace`."""

    options: Sequence[str] = ()

    def inside(self, namespace: str) -> Self:
        """The same kubectl in another namespace."""
        options = (option for option in self.options if not option.startswith("--namespace="))
        return replace(self, options=[*options, f"--namespace={namespace}"])

    def __call__(self, *arguments: str) -> str:
        """Run kubectl; give its standard output.

        Raises:
            PluginError: kubectl is not there, takes too long, or refuses; the message is what it said.
        """
        program = shutil.which("kubectl")
        if program is None:
            raise PluginError("kubectl is not on the PATH; install it: this command works through it")
        try:
            done = subprocess.run(  # noqa: S603  the user's own kubectl, no shell
                [program, *self.options, *arguments], capture_output=True, text=True, check=False, timeout=SECONDS
            )
        except subprocess.TimeoutExpired:
            raise PluginError(f"kubectl {arguments[0]} gave no answer within {SECONDS:.0f} s") from None
        if done.returncode:
            raise PluginError(done.stderr.strip() or done.stdout.strip())
        return done.stdout

    def model(self, name: str) -> Object:
        """Read a Model.

        Raises:
            NotFound: there is none of this name; the message has those that there are.
        """
        text = self("get", MODELS, name, "--ignore-not-found", "--output", "json")
        if not text.strip():
            there = ", ".join(item["metadata"]["name"] for item in self.list(MODELS)) or "none"
            raise NotFound(f"there is no Model {name} in this namespace; it has: {there}")
        found: Object = json.loads(text)
        return found

    def rollout_of(self, model: str) -> str | None:
        """Give the name of the Rollout that governs a Model."""
        found = self.governing(model)
        return None if found is None else str(found["metadata"]["name"])

    def governing(self, model: str) -> Object | None:
        """Read the Rollout that governs a Model: the oldest of those that name it."""
        found = [item for item in self.list(ROLLOUTS) if item["spec"]["modelRef"]["name"] == model]
        by_age = sorted(found, key=lambda item: (item["metadata"]["creationTimestamp"], item["metadata"]["name"]))
        return by_age[0] if by_age else None

    def list(self, kind: str, *options: str) -> Sequence[Object]:
        """Read all objects of a kind in the namespace."""
        items: Sequence[Object] = json.loads(self("get", kind, *options, "--output", "json"))["items"]
        return items

    def records_of(self, model: str) -> Sequence[Object]:
        """Read what is kept of a Model's revisions apart from its status; nothing where we may not."""
        try:
            return self.list("controllerrevisions.apps", "--selector", f"{names.LABEL_MODEL}={model}")
        except PluginError:
            return ()

    def user(self) -> str:
        """Who the API server takes us for."""
        told = json.loads(self("auth", "whoami", "--output", "json"))
        return str(told["status"]["userInfo"]["username"])

    def namespace(self) -> str:
        """The namespace that is worked in: as the user gave it, else that of the context."""
        given = [option.partition("=")[2] for option in self.options if option.startswith("--namespace=")]
        options = [option for option in self.options if not option.startswith("--namespace=")]
        found = given or [Kubectl(options)("config", "view", "--minify", "--output", "jsonpath={..namespace}").strip()]
        return found[0] or "default"

    def events_of(self, model: Object) -> Sequence[Object]:
        """Read the Events about a Model, in the order in which they happened."""
        found = self.list("events.events.k8s.io", "--field-selector", f"regarding.uid={model['metadata']['uid']}")
        return sorted(found, key=lambda item: item.get("eventTime") or "")
