"""Sessions of onnxruntime, as the server has them."""

from __future__ import annotations

from typing import Final

import onnxruntime

_ERRORS_ALONE: Final = 4


def session_of(data: bytes) -> onnxruntime.InferenceSession:
    """Make a session that computes in the thread that calls, and gives back the memory that a large batch took."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    options.log_severity_level = _ERRORS_ALONE
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
