"""A real Kubernetes cluster for the demo and the end-to-end tests: made, used and removed by one program.

`python3 -m tests.cluster up` (from the root of the checkout, any Python from 3.11, standard library only) makes
one with `kind` where Docker works, and otherwise from Go modules and Debian packages, as plain processes inside
a network namespace of their own. See README.md beside this file.
"""
