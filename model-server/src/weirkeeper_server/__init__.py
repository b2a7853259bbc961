"""The model server: one revision of one model, by the Open Inference Protocol."""

import os

# onnxruntime reads it when it is imported. Else it sends what is run to its makers, from a thread of its own, and
# keeps a database of it in the home folder.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
