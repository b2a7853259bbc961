"""The messages of `inference.GRPCInferenceService`: written in open_inference.proto, the rest generated from it."""
