"""The file `shortcut.zip` of a bundle: a shortcut as data, and what scikit-learn said when the bundle was made.

With it a server predicts without importing scikit-learn. Nothing here imports it, but for `making`.
"""
