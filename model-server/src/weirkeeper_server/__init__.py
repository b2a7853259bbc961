"""The model server: one revision of one model, by the Open Inference Protocol."""
