"""Gates side by side with other rules on the same simulated traffic: false roll-backs, false promotions, detection.

`scenarios` says what happens, `streams` draws it from a seed, `ours` plays it through the operator's own gates, `peers`
through other rules, `judging` counts what came out. All of it is simulated time: nothing is served.
"""
