"""Code that runs inside Triton's Python backend, as text: it has its own environment, without edge-run."""

from __future__ import annotations

SHIM = '''"""ONNX Runtime's backend in ten lines of Python, for a Triton that has no other backend."""

import json
import pathlib

import onnxruntime
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def initialize(self, args):
        folder = pathlib.Path(args["model_repository"], args["model_version"])
        parameters = json.loads(args["model_config"])["parameters"]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(parameters["intra_op_thread_count"]["string_value"])
        options.inter_op_num_threads = int(parameters["inter_op_thread_count"]["string_value"])
        self.session = onnxruntime.InferenceSession(folder / "model.onnx", options, ["CPUExecutionProvider"])

    def execute(self, requests):
        return [self.answer(request) for request in requests]

    def answer(self, request):
        names = list(request.requested_output_names())
        answers = self.session.run(names, {tensor.name(): tensor.as_numpy() for tensor in request.inputs()})
        return pb_utils.InferenceResponse([pb_utils.Tensor(*pair) for pair in zip(names, answers)])
'''
