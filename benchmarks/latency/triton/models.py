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

EARLY_EXIT = '''"""Certified early exit: members are asked stage by stage (in Triton: business logic scripting)."""

import asyncio
import json

import numpy as np
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def initialize(self, args):
        plan = json.loads(json.loads(args["model_config"])["parameters"]["plan"]["string_value"])
        self.stages, self.positive, self.threshold = plan["stages"], plan["positive"], plan["threshold"]

    async def execute(self, requests):
        return await asyncio.gather(*(self.answer(request) for request in requests))

    async def answer(self, request):
        (scan,) = request.inputs()
        voted, missing = 0.0, 1.0
        for stage in self.stages:
            for part, weight in await asyncio.gather(*(self.ask(member, scan) for member in stage)):
                voted, missing = voted + part, missing - weight
            low = voted[0, self.positive]
            if low >= self.threshold + 1e-9 or low + missing <= self.threshold - 1e-9:
                break
        return pb_utils.InferenceResponse([pb_utils.Tensor("probabilities", voted)])

    async def ask(self, member, scan):
        asked = {"model_name": member["model"], "requested_output_names": ["logits"], "inputs": [scan]}
        answer = await pb_utils.InferenceRequest(**asked).async_exec()
        if answer.has_error():
            raise pb_utils.TritonModelException(answer.error().message())
        logits = pb_utils.get_output_tensor_by_name(answer, "logits").as_numpy().astype(np.float64)
        exponent = np.exp((logits - logits.max()) / member["temperature"])
        return member["weight"] * exponent / exponent.sum(), member["weight"]
'''
