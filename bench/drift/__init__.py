"""Drift detectors side by side: false alarms, power, delay, seconds and memory.

Every tool looks at the same rows: `scenarios` makes them from seeds, in whichever environment it runs. So this package
is split by where it runs: `ours` beside the project, `evidently_peer` and `nannyml_peer` in environments of their own
(`environments`). `judging` compares what they say.
"""
