"""The two models of a bundle: one for preprocessed scans, one for files, with which nothing can go wrong on the way."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np

from edge_run.ensemble.prediction import PreparedScan
from edge_run.scan.array import from_array
from edge_run.serve.answering import Ask
from edge_run.serve.refusals import RefusedError

from .tensors import BYTES, Tensor

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_run.serve.answering import Answering, Gone, Record

    from .messages import WantedOutput

SCAN, IMAGE = "scan", "image"
PROBABILITIES, LABEL, RECORD = "probabilities", "label", "record"
MAX_BATCH = 64
"""Scans of one request."""


class Model(NamedTuple):
    """One model of a bundle.

    Attributes
    ----------
    name
        The bundle's, followed by ``-image`` for the one that takes files.
    image
        Whether it takes files.
    """

    answering: Answering
    name: str
    image: bool

    @property
    def version(self) -> str:
        """The bundle's hash, shortened: another bundle is another version."""
        return self.answering.ensemble.bundle.sha256[:12]

    def metadata(self) -> dict[str, Any]:
        """Describe inputs and outputs."""
        manifest = self.answering.ensemble.manifest
        size = manifest.preprocess.size
        scan = {"name": SCAN, "datatype": "UINT8", "shape": [-1, 1, size, size]}
        outputs = [
            {"name": PROBABILITIES, "datatype": "FP64", "shape": [-1, len(manifest.task.labels)]},
            {"name": LABEL, "datatype": "INT64", "shape": [-1, 1]},
            {"name": RECORD, "datatype": BYTES, "shape": [-1, 1]},
        ]
        return {
            "name": self.name,
            "versions": [self.version],
            "platform": "edge-run",
            "inputs": [{"name": IMAGE, "datatype": BYTES, "shape": [-1, 1]} if self.image else scan],
            "outputs": outputs,
        }

    async def infer(self, inputs: list[Tensor], gone: Gone) -> list[Record]:
        """Answer the scans of a request, each as a case of its own.

        Raises
        ------
        RefusedError
            The inputs are not those of the model.
        InputError
            A file is no scan; those before it have been answered and logged.
        BusyError, GoneError, CaseLogError, BackendError, BundleError
            As :meth:`edge_run.serve.answering.Answering.answer`.
        """
        tensor = self._only_input(inputs)
        records: list[Record] = []
        if isinstance(tensor.values, list):
            for data in tensor.values:
                ask = Ask(data, single=True)
                records += await self.answering.answer(ask, gone, patient=bool(records))
            return records
        for scan in tensor.values:
            records += await self.answering.answer_prepared([_prepared(scan)], gone, patient=bool(records))
        return records

    def outputs(self, records: list[Record], wanted: list[WantedOutput]) -> list[Tensor]:
        """Return the tensors that are wanted.

        Raises
        ------
        RefusedError
            There is no such output, or it is no classification.
        """
        labels = self.answering.ensemble.manifest.task.labels
        probabilities = np.array([[one["probabilities"][label] for label in labels] for one in records], np.float64)
        known = {
            PROBABILITIES: Tensor(PROBABILITIES, "FP64", list(probabilities.shape), probabilities),
            LABEL: Tensor(LABEL, "INT64", [len(records), 1], np.array([[labels.index(r["label"])] for r in records])),
            RECORD: Tensor(RECORD, BYTES, [len(records), 1], [msgspec.json.encode(record) for record in records]),
        }
        return [
            _classes(probabilities, labels, one.classes) if one.classes else known[one.name]
            for one in self.checked(wanted)
        ]

    def checked(self, wanted: list[WantedOutput]) -> list[WantedOutput]:
        """Return the outputs that are wanted, after a check; before any scan is answered.

        Raises
        ------
        RefusedError
            As :meth:`outputs`.
        """
        for one in wanted:
            if one.name not in (PROBABILITIES, LABEL, RECORD):
                raise RefusedError(400, f"model {self.name} has no output {one.name[:40]!r}")
            if one.classes < 0 or (one.classes and one.name != PROBABILITIES):
                raise RefusedError(400, f"output {one.name} is no classification", hint=f"ask it of {PROBABILITIES}")
            if any(name.startswith("shared_memory") for name in one.parameters):
                raise RefusedError(400, f"output {one.name}: shared memory is not offered")
        return wanted

    def _only_input(self, inputs: list[Tensor]) -> Tensor:
        expected = self.metadata()["inputs"][0]
        if [one.name for one in inputs] != [expected["name"]]:
            raise RefusedError(400, f"model {self.name} takes one input, {expected['name']}")
        (tensor,) = inputs
        shapes = [[-1, 1], [-1]] if self.image else [expected["shape"]]
        fits = any(tensor.shape[1:] == shape[1:] and len(tensor.shape) == len(shape) for shape in shapes)
        if tensor.datatype != expected["datatype"] or not fits:
            raise RefusedError(
                400,
                f"input {tensor.name} is {tensor.datatype} {tensor.shape}, expected {expected['datatype']} "
                f"{expected['shape']}",
            )
        if not 0 < tensor.shape[0] <= MAX_BATCH:
            raise RefusedError(400, f"a request holds 1 to {MAX_BATCH} scans, not {tensor.shape[0]}")
        return tensor


def models_of(answering: Answering) -> dict[str, Model]:
    """Return the models of a bundle by their names."""
    name = answering.ensemble.manifest.name
    return {one.name: one for one in (Model(answering, name, False), Model(answering, f"{name}-image", True))}


def decoded_images(tensor: Tensor) -> Tensor:
    """Return the files of a tensor that came in JSON, where each is written in base64.

    Raises
    ------
    RefusedError
        A value is no base64.
    """
    assert isinstance(tensor.values, list)  # noqa: S101 - asked of BYTES alone
    try:
        values = [base64.b64decode(value, validate=True) for value in tensor.values]
    except (binascii.Error, ValueError) as error:
        raise RefusedError(
            400, f"input {tensor.name}: a file in JSON is written in base64", hint="or send it as binary data"
        ) from error
    return tensor._replace(values=values)


def _prepared(scan: NDArray[np.uint8]) -> PreparedScan:
    read = from_array(scan[0])
    # Nothing is done to it: what the network sees is what came.
    return PreparedScan("", read, np.ascontiguousarray(scan)[np.newaxis], 0.0, 0.0)


def _classes(probabilities: NDArray[np.float64], labels: tuple[str, ...], count: int) -> Tensor:
    """Write the most probable classes as ``value:index:label``, the best first."""
    count = min(count, len(labels))
    values = [
        f"{row[index]:f}:{index}:{labels[index]}".encode()
        for row in probabilities
        for index in np.argsort(-row, kind="stable")[:count]
    ]
    return Tensor(PROBABILITIES, BYTES, [len(probabilities), count], values)
