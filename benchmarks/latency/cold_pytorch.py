"""Answer one scan with four networks as a PyTorch user would write it, to compare `edge-run predict` with.

    python -m benchmarks.latency.cold_pytorch WEIGHTS SCAN

WEIGHTS is a folder of `<network>.safetensors` with torchvision's names, as `benchmarks.latency.cold` writes it. The
script wastes no time on purpose: networks are built without memory and get the file's tensors, no gradient is kept.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import torch
import torchvision
from safetensors.torch import load_file

NETWORKS = ("resnet18", "googlenet", "resnet50", "resnet101")
LABELS = ("covid", "non_covid")
SIDE = 224
MEAN = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
STD = torch.tensor([0.229, 0.224, 0.225])[:, None, None]


def empty(name: str) -> torch.nn.Module:
    """A network with two classes and no memory behind its tensors."""
    options = {"aux_logits": False, "init_weights": False} if name == "googlenet" else {}
    with torch.device("meta"):
        network: torch.nn.Module = getattr(torchvision.models, name)(num_classes=len(LABELS), **options)
    return network


def main(weights: Path, scan: Path) -> None:
    """Read, ask all four, average, print."""
    read = cv2.imread(str(scan), cv2.IMREAD_GRAYSCALE)
    if read is None:
        sys.exit(f"{scan} cannot be read")
    grey = cv2.resize(read, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    image = (torch.from_numpy(np.repeat(grey[None], 3, axis=0)) / 255 - MEAN) / STD
    votes = []
    with torch.inference_mode():
        for name in NETWORKS:
            network = empty(name).eval()
            network.load_state_dict(load_file(weights / f"{name}.safetensors"), assign=True)
            votes.append(network(image[None])[0].softmax(0))
    vote = torch.stack(votes).mean(0)
    print(f"{scan}  {LABELS[int(vote.argmax())]}  {float(vote.max()):.1%}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
