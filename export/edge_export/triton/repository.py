"""A bundle -> a model repository for NVIDIA Triton, written whole or not at all."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from edge_export.reporter import Reporter
from edge_run._files import make_folder, move_folder, unfinished_folder
from edge_run.errors import BundleError, UsageError

from .config import LABELS_FILE, early_exit_config, ensemble_config, member_config, merged_config, vote_config
from .members import read_members
from .merged_graph import merged_graph
from .pbtxt import to_text
from .plans import compiled_precision, read_plan
from .settings import TENSORRT, Settings, check, choose_precision
from .vote_graph import has_heatmap, vote_graph

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from edge_run.bundle.bundle import Bundle

    from .members import VotingMember
    from .pbtxt import Message
    from .plans import Plan

VOTE, EARLY_EXIT = "vote", "early-exit"
_EARLY_EXIT_MODEL = Path(__file__).with_name("early_exit_model.py")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class Repository(NamedTuple):
    """What was written.

    Attributes
    ----------
    model
        The model that clients ask.
    models
        All models.
    settings
        How they are served.
    heatmap
        Whether the model returns heatmaps.
    engines
        Version of TensorRT and GPU that the repository needs; empty without engines.
    """

    model: str
    models: tuple[str, ...]
    settings: Settings
    heatmap: bool
    engines: str = ""


def write_repository(
    bundle: Bundle,
    out: Path,
    *,
    name: str | None = None,
    backend: str = "cpu",
    precision: str | None = None,
    instances: int = 1,
    threads: int = 1,
    batch: int = 8,
    timeout_s: float = 2.0,
    early_exit: bool = False,
    merged: bool = False,
    reporter: Reporter = Reporter(),  # noqa: B008 - immutable
) -> Repository:
    """Write a model repository that answers as the bundle does.

    Parameters
    ----------
    out
        Folder to make; there whole or not at all. A folder may exist, if it is empty.
    name
        Model that clients ask, and the beginning of the other models' names; the bundle's name by default.
    backend
        ``cpu`` and ``cuda``: ONNX Runtime; ``tensorrt``: the engines that ``edge-run compile`` built.
    precision
        None: the best that the backend runs, with ``tensorrt`` the best that is compiled.
    instances, threads, batch, timeout_s, early_exit
        See :class:`edge_export.triton.settings.Settings`; engines limit ``batch`` to what they were built for.
    merged
        Write members and vote as one ONNX file, for servers that know no ensembles.

    Raises
    ------
    UsageError
        ``out`` is taken or cannot be written, a name cannot be a model's, or the bundle has not the precision.
    BackendError
        The backend does not run the precision, an engine is missing, or ``onnx`` is needed and not installed.
    BundleError
        A file of the bundle is damaged.
    """
    settings = Settings(backend, precision or "", instances, threads, batch, timeout_s, early_exit)
    check(settings, merged=merged)
    _require_free(out)
    if backend == TENSORRT and precision is None:
        precision = compiled_precision(bundle)
    settings = settings._replace(precision=choose_precision(bundle, backend, precision))
    model = bundle.manifest.name if name is None else name
    models = _model_names(model, bundle)
    reporter.bar(f"reading {settings.precision}", 0, 1)
    members = read_members(bundle, settings.precision)
    plans = {member.id: read_plan(member) for member in members} if backend == TENSORRT else {}
    if plans:
        settings = settings._replace(batch=min(batch, *(plan.batch for plan in plans.values())))
    try:
        make_folder(out.resolve().parent, private=False)
        with unfinished_folder(out.resolve().parent) as scratch:
            made = scratch / "repository"
            made.mkdir()
            write = _write_merged if merged else _write_ensemble
            written = write(
                _Writer(made, bundle, settings, reporter.progress("writing")), model, models, members, plans
            )
            move_folder(made, out.resolve())
    except OSError as error:
        raise UsageError(f"{out} cannot be written: {error.strerror}", hint="choose another folder") from error
    needs = {f"TensorRT {plan.tensorrt} and {plan.gpu}" for plan in plans.values()}
    return Repository(model, written, settings, has_heatmap(members), "; ".join(sorted(needs)))


class _Writer:
    """Writes the models of one repository."""

    def __init__(self, folder: Path, bundle: Bundle, settings: Settings, progress: Callable[[int, int], None]) -> None:
        self.settings, self._folder, self._bundle, self._progress = settings, folder, bundle, progress
        self.manifest, self.task = bundle.manifest, bundle.manifest.task
        self._scans = bundle.read_array(bundle.manifest.reference.scans)
        self.warmups = tuple(f"reference-{n}" for n in range(len(self._scans)))
        self._written: list[str] = []

    @property
    def written(self) -> tuple[str, ...]:
        return tuple(self._written)

    @property
    def about(self) -> dict[str, str]:
        """What a client may want to know of where the answers come from."""
        return {
            "edge_run_bundle": self._bundle.manifest.name,
            "edge_run_bundle_sha256": self._bundle.sha256,
            "edge_run_precision": self.settings.precision,
            "positive_class": self.task.positive,
            "operating_point": "" if self.task.threshold is None else repr(self.task.threshold),
        }

    def model(self, config: Message, file: str, data: bytes, *, warmup: Mapping[str, bytes], labels: bool) -> None:
        """Write one model: its configuration, version 1, what warms it up, and the names of the classes."""
        name = str(config["name"])
        folder = self._folder / name
        (folder / "1").mkdir(parents=True)
        (folder / "config.pbtxt").write_text(to_text(config), encoding="utf-8")
        (folder / "1" / file).write_bytes(data)
        if labels:
            (folder / LABELS_FILE).write_text("".join(f"{one}\n" for one in self.task.labels), encoding="utf-8")
        for sample, content in warmup.items():
            (folder / "warmup").mkdir(exist_ok=True)
            (folder / "warmup" / sample).write_bytes(content)
        self._written.append(name)
        self._progress(len(self._written), len(self._bundle.members) + 2)

    def rules(self) -> dict[str, float | None]:
        """Return what decides when an answer is certain."""
        flags = self.manifest.flags[self.settings.precision]
        positive = self.task.labels.index(self.task.positive)
        return {"positive": positive, "threshold": self.task.threshold, "low_confidence": flags.low_confidence}

    def scans(self) -> dict[str, bytes]:
        """Return the reference scans, by the names that warm-ups give them."""
        return {name: scan.tobytes() for name, scan in zip(self.warmups, self._scans, strict=True)}


def _write_ensemble(
    writer: _Writer, model: str, models: Mapping[str, str], members: Sequence[VotingMember], plans: Mapping[str, Plan]
) -> tuple[str, ...]:
    settings = writer.settings
    for member in members:
        config = member_config(models[member.id], member, settings, writer.warmups)
        plan = plans.get(member.id)
        file, data = ("model.plan", plan.data) if plan else ("model.onnx", member.network.model)
        writer.model(config, file, data, warmup=writer.scans(), labels=False)
    vote = f"{model}-{VOTE}"
    logits = {f"{one.id}-logits": np.ascontiguousarray(one.reference_logits[0]).tobytes() for one in members}
    graph = vote_graph(members, writer.task).SerializeToString(deterministic=True)
    config = vote_config(vote, members, settings, tuple(logits))
    writer.model(config, "model.onnx", graph, warmup=logits, labels=True)
    # Triton asks for a version folder of an ensemble too; an object store keeps no empty one.
    config = ensemble_config(model, models, vote, members, settings, writer.about)
    writer.model(config, ".keep", b"", warmup={}, labels=True)
    if settings.early_exit:
        by_id = {member.id: member for member in members}
        stages = [[by_id[one] for one in stage] for stage in writer.manifest.stages]
        config = early_exit_config(f"{model}-{EARLY_EXIT}", stages, models, settings, writer.rules(), writer.about)
        # Without a warm-up, since the members may load after it; they have theirs.
        writer.model(config, "model.py", _EARLY_EXIT_MODEL.read_bytes(), warmup={}, labels=True)
    return writer.written


def _write_merged(
    writer: _Writer, model: str, models: Mapping[str, str], members: Sequence[VotingMember], plans: Mapping[str, Plan]  # noqa: ARG001
) -> tuple[str, ...]:  # fmt: skip
    graph = merged_graph(members, vote_graph(members, writer.task))
    config = merged_config(model, members, writer.settings, writer.warmups, writer.about)
    data = graph.SerializeToString(deterministic=True)
    writer.model(config, "model.onnx", data, warmup=writer.scans(), labels=True)
    return writer.written


def _require_free(out: Path) -> None:
    try:
        taken = out.exists() and (not out.is_dir() or any(out.iterdir()))
    except OSError as error:
        raise UsageError(f"{out} cannot be written: {error.strerror}", hint="choose another folder") from error
    if taken:
        raise UsageError(
            f"{out} exists",
            hint="remove it, or choose another folder; tritonserver takes several with --model-repository",
        )


def _model_names(model: str, bundle: Bundle) -> dict[str, str]:
    """Return the name of each member's model; names become folders and parts of addresses."""
    if not _NAME.fullmatch(model):
        raise UsageError(
            f"{model!r} cannot be the name of a model: letters, digits, '.', '_' and '-' can",
            hint="give another one with --name",
        )
    names = {member: f"{model}-{member}" for member in bundle.members}
    wrong = [member for member, name in names.items() if not _NAME.fullmatch(name) or member in (VOTE, EARLY_EXIT)]
    if wrong:
        raise BundleError(f"members {wrong} of {bundle.manifest.name} cannot be the names of models")
    return names
