"""The composition root: Kopf as a feed, workers, probes, series, settings and the command line."""
