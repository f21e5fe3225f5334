"""The four networks, each taking one grey channel and ending in global average pooling and one Linear.

The torchvision networks see RGB. A scan has one channel, and a first convolution that sees the same image three
times is the convolution of that image with the sum of its kernels; so the kernels are summed once, when weights are
loaded, and nothing downstream has three channels. This is exact because the three channels share mean and standard
deviation here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
import torchvision
from torch import Tensor, nn

from edge_run.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

MODEL = "model.safetensors"
"""The file of a member in its folder of a run."""

RESNET_TRUNK = ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4")
GOOGLENET_TRUNK = (
    "conv1", "maxpool1", "conv2", "conv3", "maxpool2", "inception3a", "inception3b", "maxpool3", "inception4a",
    "inception4b", "inception4c", "inception4d", "inception4e", "maxpool4", "inception5a", "inception5b",
)  # fmt: skip


class Architecture(NamedTuple):
    """What is specific to one of the four networks.

    Attributes
    ----------
    trunk
        Names of the torchvision modules from input to last convolutional block, in order. The output of the last
        one is what Grad-CAM explains.
    stem
        Name of the first convolution.
    width
        Channels of the last block: the length of the pooled feature vector.
    """

    trunk: tuple[str, ...]
    stem: str
    width: int


ARCHITECTURES: Mapping[str, Architecture] = {
    "googlenet": Architecture(GOOGLENET_TRUNK, "conv1.conv", 1024),
    "resnet18": Architecture(RESNET_TRUNK, "conv1", 512),
    "resnet50": Architecture(RESNET_TRUNK, "conv1", 2048),
    "resnet101": Architecture(RESNET_TRUNK, "conv1", 2048),
}


class Normalisation(NamedTuple):
    """``(grey / 255 - mean) / std``; one mean and one standard deviation, because there is one channel."""

    mean: float
    std: float


IMAGENET_GREY = Normalisation(0.449, 0.226)
"""Mean over the channels of ImageNet's RGB mean (0.485, 0.456, 0.406) and deviation (0.229, 0.224, 0.225)."""

PLUS_MINUS_ONE = Normalisation(0.5, 0.5)
"""What torchvision's own GoogLeNet weights expect; equal to its ``transform_input=True`` on ImageNet-normalised
input, which is therefore never used here."""


class Member(nn.Module):
    """One network of the ensemble: grey scan in, logits and last-block features out.

    Parameters
    ----------
    arch
        A key of :data:`ARCHITECTURES`.
    classes
        Number of labels.
    normalisation
        Applied inside the network, so that it takes the raw grey levels.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, arch: str, classes: int, normalisation: Normalisation = IMAGENET_GREY) -> None:
        super().__init__()
        if arch not in ARCHITECTURES:
            raise UsageError(f"network {arch!r} is unknown", hint=f"choose from {', '.join(ARCHITECTURES)}")
        self.arch = arch
        self.architecture = ARCHITECTURES[arch]
        self.normalisation = normalisation
        self.net = _build(arch, classes)
        self.register_buffer("mean", torch.tensor(normalisation.mean, device="cpu"), persistent=False)
        self.register_buffer("std", torch.tensor(normalisation.std, device="cpu"), persistent=False)

    @property
    def head(self) -> nn.Linear:
        """The final Linear, weight ``[classes, width]``."""
        head = self.net.fc
        assert isinstance(head, nn.Linear)  # noqa: S101 - narrows torchvision's untyped attribute
        return head

    def normalise(self, grey: Tensor) -> Tensor:
        """``[N, 1, H, W]`` grey levels 0..255 of any dtype -> normalised float32."""
        normalised: Tensor = (grey.to(torch.float32) / 255.0 - self.mean) / self.std
        return normalised

    def features(self, x: Tensor) -> Tensor:
        """Normalised ``[N, 1, H, W] float32`` -> last block ``[N, width, H/32, W/32]``, non-negative."""
        for name in self.architecture.trunk:
            x = getattr(self.net, name)(x)
        return x

    def classify(self, pooled: Tensor) -> Tensor:
        """Pooled ``[N, width]`` -> logits ``[N, classes]``; GoogLeNet drops out before its Linear in training."""
        if self.arch == "googlenet":
            pooled = self.net.get_submodule("dropout")(pooled)
        logits: Tensor = self.head(pooled)
        return logits

    def forward(self, grey: Tensor) -> tuple[Tensor, Tensor]:
        """Grey levels -> class logits and the features they were pooled from.

        Parameters
        ----------
        grey
            ``[N, 1, H, W]``, 0..255, uint8 or float.

        Returns
        -------
        ``logits [N, classes]`` and ``features [N, width, H/32, W/32]``.
        """
        features = self.features(self.normalise(grey))
        return self.classify(pool(features)), features


def pool(features: Tensor) -> Tensor:
    """Global average pooling, ``[N, width, h, w] -> [N, width]``."""
    return features.mean(dim=(2, 3))


def _build(arch: str, classes: int) -> nn.Module:
    options: dict[str, bool] = {}
    if arch == "googlenet":
        # torchvision turns transform_input on by itself when it is handed weights, and off when it is not:
        # the same state dict is then another function. It is said here, always, and never left to a default.
        options = {"aux_logits": False, "transform_input": False, "init_weights": False}
    net: nn.Module = getattr(torchvision.models, arch)(weights=None, num_classes=classes, **options)
    stem = net.get_submodule(ARCHITECTURES[arch].stem)
    _replace_stem(net, arch, stem)
    return net


def _replace_stem(net: nn.Module, arch: str, stem: nn.Module) -> None:
    assert isinstance(stem, nn.Conv2d)  # noqa: S101 - narrows torchvision's untyped attribute
    grey = nn.Conv2d(1, stem.out_channels, kernel_size=7, stride=2, padding=3, bias=False)
    with torch.no_grad():
        grey.weight.copy_(stem.weight.sum(dim=1, keepdim=True))
    parent, _, name = ARCHITECTURES[arch].stem.rpartition(".")
    setattr(net.get_submodule(parent), name, grey)
