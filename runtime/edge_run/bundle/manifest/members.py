"""The voters and their artefacts."""

from __future__ import annotations

from .files import File, ManifestPart

MIN_TEMPERATURE = 1e-3


class Parity(ManifestPart, frozen=True):
    """A compiled artefact held against the PyTorch original on the same scans.

    Attributes
    ----------
    split, scans
        Which scans, and how many.
    max_abs_logit, max_abs_probability
        Largest difference over all scans and classes.
    flips
        Scans whose label differs.
    accuracy, sensitivity, auroc
        Of the artefact, sensitivity at the operating point; ``reference_*`` of the original.
    """

    split: str
    scans: int
    max_abs_logit: float
    max_abs_probability: float
    flips: int
    accuracy: float
    reference_accuracy: float
    sensitivity: float
    reference_sensitivity: float
    auroc: float
    reference_auroc: float


class Quantisation(ManifestPart, frozen=True):
    """How an artefact came to eight bits.

    Attributes
    ----------
    method
        How the calibration scans set the tensors' ranges: ``minmax``, ``percentile``, ``entropy``.
    float_layers
        Convolutions that were left in float, because the artefact would not decide as its original does.
    """

    method: str
    float_layers: tuple[str, ...]


class Artefact(ManifestPart, frozen=True):
    """One compiled network at one precision.

    Attributes
    ----------
    file
        The ONNX file that is stored; None where the form is derived on the device that needs it.
    derived_from
        The stored precision that this one is derived from, see :mod:`edge_run.bundle.derive`; None where it is stored.
    temperature
        Divides this artefact's logits; fitted on validation after quantisation.
    parity
        Against the original.
    reference_logits
        ``[scans, classes]``: what it answered to the reference scans when it was exported.
    quantisation
        None where it is float throughout.
    """

    file: File | None
    temperature: float
    parity: Parity
    reference_logits: tuple[tuple[float, ...], ...]
    quantisation: Quantisation | None
    derived_from: str | None = None

    def __post_init__(self) -> None:
        if (self.file is None) == (self.derived_from is None):
            raise ValueError("an artefact is either stored in a file or derived from another one")
        if not MIN_TEMPERATURE <= self.temperature <= 1 / MIN_TEMPERATURE:
            raise ValueError(f"temperature {self.temperature} is out of range")


class BundleMember(ManifestPart, frozen=True):
    """One voter.

    Attributes
    ----------
    id
        Its name, by which everything else in the manifest speaks of it; unique in the bundle.
    arch
        Its network.
    weight
        Its share of the vote.
    artefacts
        By precision.
    head
        ``[classes, width] float32`` ``.npy``: the final Linear's weight. ``head[c]`` times ``features`` is the exact
        Grad-CAM of class c.
    macs
        Multiply-adds of one scan.
    """

    id: str
    arch: str
    weight: float
    artefacts: dict[str, Artefact]
    head: File
    macs: int
