"""The init container's work: Envoy can start at once, with what a former run left or with nothing."""

from __future__ import annotations

from weirkeeper.router import listeners, routes
from weirkeeper.router.files import EnvoyFiles, ensure_file, replace_file
from weirkeeper.router.options import RouterOptions
from weirkeeper.router.resources import discovery

INITIAL_VERSION = "0"


def bootstrap(options: RouterOptions) -> None:
    """Write what Envoy starts with, and empty clusters and routes where there are none yet."""
    files = EnvoyFiles(options.directory)
    # This follows from the options alone and is written anew, so that a changed option takes effect.
    replace_file(files.bootstrap, listeners.bootstrap(options))
    ensure_file(files.clusters, discovery(INITIAL_VERSION, []))
    ensure_file(files.routes, discovery(INITIAL_VERSION, [routes.route_configuration({}, options)]))
