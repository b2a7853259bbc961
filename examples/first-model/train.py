"""Train a model and make its bundle, in the simplest way: `python examples/first-model/train.py diagnosis-bundle`.

The bundle is a folder of four small files. Give it to the cluster, and its Model a name to find it by:

    kubectl create configmap diagnosis-v1 --from-file=diagnosis-bundle
    kubectl apply -f examples/first-model/model.yaml
"""

import sys
from pathlib import Path

from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import weirkeeper

rows = load_breast_cancer(as_frame=True)
features = rows.data[["mean radius", "mean texture", "mean smoothness", "worst concave points"]]
labels = rows.target.map({0: "malignant", 1: "benign"})
train, test, train_labels, test_labels = train_test_split(features, labels, random_state=0, stratify=labels)

model = make_pipeline(StandardScaler(), LogisticRegression()).fit(train, train_labels)
print(f"accuracy on held-out rows: {model.score(test, test_labels):.1%}")

path = Path(sys.argv[1] if len(sys.argv) > 1 else "diagnosis-bundle")
weirkeeper.bundle(model, train, path=path, held_out=(test, test_labels))
print(f"bundle: {path}")
