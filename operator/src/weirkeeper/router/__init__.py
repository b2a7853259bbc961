"""The agent beside Envoy: Models and EndpointSlices become Envoy's files; Envoy's counters become evidence."""

from weirkeeper.router.bootstrapping import bootstrap
from weirkeeper.router.feed import Changed, Event, Feed, Gone, Kind, Listed
from weirkeeper.router.options import RouterOptions
from weirkeeper.router.running import run_agent

__all__ = ["Changed", "Event", "Feed", "Gone", "Kind", "Listed", "RouterOptions", "bootstrap", "run_agent"]
