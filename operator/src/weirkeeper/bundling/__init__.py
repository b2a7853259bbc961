"""Making bundles of estimators on their owners' machines."""
