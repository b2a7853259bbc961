"""`kubectl weirkeeper`: verbs, and what a Model's status tells, for people at a terminal and for pipelines."""
