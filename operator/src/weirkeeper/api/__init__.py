"""The API: our kinds as frozen records, what can be wrong with them, and their definitions for Kubernetes."""
