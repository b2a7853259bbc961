"""Messages of ONNX, as far as the server writes them itself."""
