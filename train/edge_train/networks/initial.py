"""Starting weights: torchvision's, a folder of state dicts, or none."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch
import torchvision
from safetensors import SafetensorError
from safetensors.torch import load_file

from edge_run.errors import BackendError, UsageError

from .member import IMAGENET_GREY, PLUS_MINUS_ONE, Member

if TYPE_CHECKING:
    from torch import Tensor

TORCHVISION_WEIGHTS = {
    "googlenet": "GoogLeNet_Weights.IMAGENET1K_V1",
    "resnet18": "ResNet18_Weights.IMAGENET1K_V1",
    "resnet50": "ResNet50_Weights.IMAGENET1K_V2",
    "resnet101": "ResNet101_Weights.IMAGENET1K_V2",
}


def build(arch: str, classes: int, init: str) -> Member:
    """Build a member with its starting weights and a fresh head.

    Parameters
    ----------
    arch
        One of the four networks.
    classes
        Number of labels.
    init
        ``imagenet`` (torchvision downloads its weights), ``none`` (random), or a folder that holds
        ``<arch>.safetensors``: a torchvision state dict for input normalised with the ImageNet mean and deviation.

    Raises
    ------
    UsageError
        The folder or the file is missing, or the tensors are not those of the network.
    BackendError
        The download failed.
    """
    scale = PLUS_MINUS_ONE if (init, arch) == ("imagenet", "googlenet") else IMAGENET_GREY
    member = Member(arch, classes, scale)
    if init == "imagenet":
        load_trunk(member, _download(arch), source=TORCHVISION_WEIGHTS[arch])
    elif init != "none":
        file = Path(init) / f"{arch}.safetensors"
        load_trunk(member, _read(file), source=str(file))
    return member


def load_trunk(member: Member, state: dict[str, Tensor], *, source: str) -> None:
    """Copy everything but the head from a torchvision state dict; RGB first kernels are summed over channels.

    Raises
    ------
    UsageError
        A tensor is missing or has another shape.
    """
    state = {name: value for name, value in state.items() if not _unused(name)}
    stem = f"{member.architecture.stem}.weight"
    if stem in state and state[stem].ndim == 4 and state[stem].shape[1] == 3:
        state[stem] = state[stem].sum(dim=1, keepdim=True)
    own = member.net.state_dict()
    needed = {name: value.shape for name, value in own.items() if not _unused(name)}
    wrong = sorted(name for name in needed.keys() | state.keys() if _shape(state, name) != needed.get(name))
    if wrong:
        raise UsageError(
            f"{source} does not fit {member.arch}: {len(wrong)} tensors are missing, too many or of another shape "
            f"(first: {wrong[0]})",
            hint="give a torchvision state dict of that network",
        )
    member.net.load_state_dict(state, strict=False)


def _shape(state: dict[str, Tensor], name: str) -> torch.Size | None:
    return state[name].shape if name in state else None


def _unused(name: str) -> bool:
    # The head is new; auxiliary heads are not built; BatchNorm's batch counter is read by nothing here.
    return name.startswith(("fc.", "aux")) or name.endswith("num_batches_tracked")


def _read(file: Path) -> dict[str, Tensor]:
    if not file.is_file():
        raise UsageError(
            f"no starting weights at {file}",
            hint="--init DIR needs DIR/<network>.safetensors; or use --init imagenet, --init none",
        )
    try:
        return load_file(file)
    except SafetensorError as error:
        raise UsageError(f"{file} is not a safetensors file: {error}") from error


def _download(arch: str) -> dict[str, Tensor]:
    weights = torchvision.models.get_weight(TORCHVISION_WEIGHTS[arch])
    try:
        state: dict[str, Tensor] = weights.get_state_dict(progress=True, check_hash=True)
    except OSError as error:
        raise BackendError(
            f"the ImageNet weights of {arch} could not be downloaded: {error}",
            hint="use --init DIR with DIR/<network>.safetensors, or --init none",
        ) from error
    return {name: value.to(torch.float32) if value.is_floating_point() else value for name, value in state.items()}
