"""ONNX's messages, compiled from its own definition (`onnx_ml.proto`, of onnx 1.23.2, Apache 2.0).

The package onnx brings its checker, shape inference, and 26 MB for types of numbers that numpy lacks. To read and write
a model its messages are enough.
"""
