"""The configuration of each model of a repository, as the fields of Triton's ``ModelConfig``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from .members import FEATURES, LOGITS, SCAN
from .pbtxt import Name
from .settings import CPU, GPU_DELAY_US, QUEUE, TENSORRT
from .vote_graph import HEATMAP, LABEL, PROBABILITIES, features_of, has_heatmap, logits_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .members import VotingMember
    from .pbtxt import Message, Value
    from .settings import Settings

LABELS_FILE = "labels.txt"
_UINT8, _INT64, _FP32, _FP64 = (Name(f"TYPE_{one}") for one in ("UINT8", "INT64", "FP32", "FP64"))


class _Tensor(NamedTuple):
    """An input or an output; its shape is that of one scan, without the batch."""

    name: str
    kind: Name
    dims: Sequence[int]
    labels: bool = False

    def field(self) -> Message:
        names: Message = {"label_filename": LABELS_FILE} if self.labels else {}
        return {"name": self.name, "data_type": self.kind, "dims": list(self.dims), **names}

    def filled(self, file: str | None) -> Message:
        """Return a warm-up's input: from a file, or of zeros."""
        source: Message = {"zero_data": True} if file is None else {"input_data_file": file}
        return {"key": self.name, "value": {"data_type": self.kind, "dims": list(self.dims), **source}}


def member_config(name: str, member: VotingMember, settings: Settings, warmups: Sequence[str]) -> Message:
    """Configure one network: one model of the ensemble."""
    classes = len(member.head)
    output = [_Tensor(LOGITS, _FP32, [classes]), _Tensor(FEATURES, _FP32, member.features)]
    return _network(name, [_scan(member)], output, settings, _scan_warmups(member, warmups, settings.batch))


def merged_config(
    name: str, members: Sequence[VotingMember], settings: Settings, warmups: Sequence[str], about: Mapping[str, str]
) -> Message:
    """Configure the graph that holds members and vote."""
    warm = _scan_warmups(members[0], warmups, settings.batch)
    return _network(name, [_scan(members[0])], _answers(members), settings, warm, about)


def vote_config(name: str, members: Sequence[VotingMember], settings: Settings, warmups: Sequence[str]) -> Message:
    """Configure the vote, which computes on the CPU whatever the members compute on."""
    inputs = [_Tensor(logits_of(member), _FP32, [len(member.head)]) for member in members]
    files = dict(zip((one.name for one in inputs), warmups, strict=True))
    if has_heatmap(members):
        inputs += [_Tensor(features_of(member), _FP32, member.features) for member in members]
    sample: Message = {
        "name": "reference",
        "batch_size": 1,
        "inputs": [one.filled(files.get(one.name)) for one in inputs],
    }
    settings = settings._replace(backend=CPU, instances=1, threads=1)
    return _network(name, inputs, _answers(members), settings, [sample])


def ensemble_config(
    name: str, models: Mapping[str, str], vote: str, members: Sequence[VotingMember], settings: Settings,
    about: Mapping[str, str],
) -> Message:  # fmt: skip
    """Configure the ensemble: the scan goes to every member at once, and what they return to the vote.

    Parameters
    ----------
    models
        The model of each member, by the member's id.
    """
    with_map = has_heatmap(members)
    steps = []
    for member in members:
        outputs = {LOGITS: logits_of(member)} | ({FEATURES: features_of(member)} if with_map else {})
        steps.append(_step(models[member.id], {SCAN: SCAN}, outputs))
    taken = [logits_of(member) for member in members]
    taken += [features_of(member) for member in members] if with_map else []
    answers = _answers(members)
    steps.append(_step(vote, {one: one for one in taken}, {one.name: one.name for one in answers}))
    return {
        "name": name,
        "platform": "ensemble",
        "max_batch_size": settings.batch,
        "input": [_scan(members[0]).field()],
        "output": [one.field() for one in answers],
        "ensemble_scheduling": {"step": steps},
        "parameters": _parameters(about),
    }


def early_exit_config(
    name: str, stages: Sequence[Sequence[VotingMember]], models: Mapping[str, str], settings: Settings,
    rules: Mapping[str, float | None], about: Mapping[str, str],
) -> Message:  # fmt: skip
    """Configure the model that asks members until the answer is certain, with the plan that it reads.

    Parameters
    ----------
    stages
        The members in the order in which they are asked.
    models
        The model of each member, by the member's id.
    rules
        The fields of ``Rules`` in :mod:`edge_export.triton.early_exit_model`.
    """
    members = [member for stage in stages for member in stage]
    total, classes = sum(member.weight for member in members), len(members[0].head)
    plan = {
        "stages": [[_asked(member, models[member.id], total) for member in stage] for stage in stages],
        "classes": classes,
        "rules": rules,
    }
    bounds = [_Tensor(one, _FP64, [classes]) for one in ("low", "high")]
    answers = [*_answers(members)[:2], *bounds, _Tensor("members", _INT64, [1])]
    # It computes next to nothing itself; one of two waits for members while the other takes the next requests.
    settings = settings._replace(backend=CPU, instances=2 * settings.instances)
    return _network(name, [_scan(members[0])], answers, settings, [], {**about, "early_exit": json.dumps(plan)}) | {
        "backend": "python"
    }


def _asked(member: VotingMember, model: str, total: float) -> dict[str, str | float]:
    return {"model": model, "weight": member.weight / total, "temperature": member.temperature}


def _network(
    name: str, inputs: Sequence[_Tensor], outputs: Sequence[_Tensor], settings: Settings, warmups: Sequence[Message],
    about: Mapping[str, str] | None = None,
) -> Message:  # fmt: skip
    on_cpu = settings.backend == CPU
    runs_in: Message = {"platform": "tensorrt_plan"} if settings.backend == TENSORRT else {"backend": "onnxruntime"}
    # Left to itself, ONNX Runtime starts a thread for every core, for every instance of every model.
    threads = {"intra_op_thread_count": str(settings.threads), "inter_op_thread_count": "1"} if on_cpu else {}
    group: Message = {"count": settings.instances, "kind": Name("KIND_CPU" if on_cpu else "KIND_GPU")}
    parameters: Message = {"parameters": found} if (found := _parameters({**threads, **(about or {})})) else {}
    return {
        "name": name,
        **runs_in,
        "max_batch_size": settings.batch,
        "input": [one.field() for one in inputs],
        "output": [one.field() for one in outputs],
        "instance_group": [group],
        # A request that cannot be answered in time is refused at once, so that its sender can ask another server. On a
        # CPU a batch takes as long as its scans one by one: nothing is gained by waiting until one is full.
        "dynamic_batching": {
            "max_queue_delay_microseconds": 0 if on_cpu else GPU_DELAY_US,
            "default_queue_policy": {
                "timeout_action": Name("REJECT"),
                "default_timeout_microseconds": round(settings.timeout_s * 1e6),
                "allow_timeout_override": True,
                "max_queue_size": QUEUE,
            },
        },
        "model_warmup": warmups,
        **parameters,
    }


def _answers(members: Sequence[VotingMember]) -> list[_Tensor]:
    classes = len(members[0].head)
    answers = [_Tensor(PROBABILITIES, _FP64, [classes], labels=True), _Tensor(LABEL, _INT64, [1])]
    return answers + ([_Tensor(HEATMAP, _FP32, [classes, *members[0].features[1:]])] if has_heatmap(members) else [])


def _scan(member: VotingMember) -> _Tensor:
    return _Tensor(SCAN, _UINT8, [1, member.network.size, member.network.size])


def _scan_warmups(member: VotingMember, files: Sequence[str], batch: int) -> list[Message]:
    scan = _scan(member)
    samples: list[Message] = [{"name": file, "batch_size": 1, "inputs": [scan.filled(file)]} for file in files]
    full: Message = {"name": "full batch", "batch_size": batch, "inputs": [scan.filled(files[0])]}
    return [*samples, full] if batch > 1 else samples


def _step(model: str, inputs: Mapping[str, str], outputs: Mapping[str, str]) -> Message:
    maps: dict[str, Value] = {
        field: [{"key": key, "value": value} for key, value in pairs.items()]
        for field, pairs in (("input_map", inputs), ("output_map", outputs))
    }
    return {"model_name": model, "model_version": -1, **maps}


def _parameters(values: Mapping[str, str]) -> list[Message]:
    return [{"key": key, "value": {"string_value": value}} for key, value in values.items()]
