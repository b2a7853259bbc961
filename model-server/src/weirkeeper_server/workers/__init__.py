"""Several processes that serve one model behind the same ports, and look like one server from outside.

A supervisor has the ports. It accepts connections and hands each to the worker that has fewest; it answers evidence and
metrics, for which it asks the workers what they have counted; and it alone counts labels, so that a repeat is known
whichever worker its post came to. Workers are forked from a nursery, which loaded the model once for all of them.
"""
