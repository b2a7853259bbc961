"""Plans of shortcuts read off fitted estimators; everything in here imports scikit-learn.

An estimator or a setting that is not known here has no plan, and is asked as it is. What is read are fitted numbers,
some of them private to scikit-learn: whether what is computed from them is right, `shortcuts.agreement` finds out.
"""
