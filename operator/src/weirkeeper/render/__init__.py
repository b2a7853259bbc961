"""Revisions, traffic and routers as Kubernetes manifests: pure functions of what was decided."""
