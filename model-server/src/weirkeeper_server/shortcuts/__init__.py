"""Shorter ways to the same answers: for one row, scikit-learn checks and dispatches far longer than it computes.

A shortcut computes with the fitted numbers of scikit-learn's own transformers and trees, in the same order of
operations. It is used only where it gives the same answers as the estimator itself, to the last digits, on the golden
requests and on rows around them (`agreement`); an estimator that it does not know is asked as it is.
"""
