"""``edge-run train``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edge_run.errors import UsageError

from ._extras import command_line, need

TRAINING = "Training"
SPHERES = "Orthogonal Spheres"
HARDWARE = "Hardware"


def train(
    data: Annotated[list[Path], typer.Argument(help="Folders of labelled scans: splits.csv, or one folder per class.")],
    out: Annotated[Path, typer.Option(help="Run directory to write.")],
    source: Annotated[list[Path] | None, typer.Option(help="Fine-tune on this medical set first, with its own labels.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the training in --out.")] = False,
    members: Annotated[str, typer.Option(help="Networks, in this order: resnet18,resnet18:seed=1,resnet50")] = "resnet18,googlenet,resnet50,resnet101",
    init: Annotated[str, typer.Option(help="Starting weights: imagenet, none, or a folder of <network>.safetensors.")] = "imagenet",
    positive: Annotated[str | None, typer.Option(help="Label that sensitivity speaks of; the first by default.")] = None,
    operating_point: Annotated[str, typer.Option(help="Threshold on the positive class: a number, youden, or sensitivity=S.")] = "0.5",
    seed: Annotated[int, typer.Option(help="Decides head, order, augmentation and dropout.")] = 0,
    epochs: Annotated[list[str] | None, typer.Option(help="Passes over the scans: N, or <network>=N; may be repeated.", rich_help_panel=TRAINING)] = None,
    source_epochs: Annotated[int, typer.Option(help="Passes over the source set.", rich_help_panel=TRAINING)] = 6,
    batch_size: Annotated[int, typer.Option(help="Scans per step.", rich_help_panel=TRAINING)] = 32,
    learning_rate: Annotated[float, typer.Option(help="Peak of the warm-up and cosine.", rich_help_panel=TRAINING)] = 1e-3,
    weight_decay: Annotated[float, typer.Option(help="AdamW's.", rich_help_panel=TRAINING)] = 0.02,
    balance: Annotated[str, typer.Option(help="loss: weigh classes by inverse frequency; none.", rich_help_panel=TRAINING)] = "loss",
    size: Annotated[int, typer.Option(help="Side of the network input, pixels.", rich_help_panel=TRAINING)] = 224,
    average_epochs: Annotated[int, typer.Option(help="Average the weights of this many last epochs; 0: a quarter.", rich_help_panel=TRAINING)] = 0,
    early_size: Annotated[int, typer.Option(help="Side during the first two thirds of the epochs, pixels; 0: --size.", rich_help_panel=TRAINING)] = 0,
    crop: Annotated[float, typer.Option(help="Smallest share of the area that a random crop keeps; 1: none.", rich_help_panel=TRAINING)] = 0.6,
    augment: Annotated[bool, typer.Option(help="Rotate, zoom, shift, mirror, change contrast, add noise.", rich_help_panel=TRAINING)] = True,
    os_lambda: Annotated[float, typer.Option(help="Weight of the term; 0 is plain cross-entropy.", rich_help_panel=SPHERES)] = 0.03,
    os_blocks: Annotated[int, typer.Option(help="Blocks the pooled features are cut into.", rich_help_panel=SPHERES)] = 16,
    os_normalize: Annotated[bool, typer.Option(help="Put each block on the unit sphere first.", rich_help_panel=SPHERES)] = True,
    os_squared: Annotated[bool, typer.Option(help="Squared Frobenius norm.", rich_help_panel=SPHERES)] = False,
    os_warmup: Annotated[float, typer.Option(help="Epochs over which the weight rises from 0.", rich_help_panel=SPHERES)] = 1.0,
    precision: Annotated[str, typer.Option(help="auto (bf16 where the machine has it), bf16-mixed, 32-true.", rich_help_panel=HARDWARE)] = "auto",
    threads: Annotated[int | None, typer.Option(help="CPU threads; the cores this process may use by default.", rich_help_panel=HARDWARE)] = None,
    accelerator: Annotated[str, typer.Option(help="Lightning's: auto, cpu, gpu.", rich_help_panel=HARDWARE)] = "auto",
    devices: Annotated[str, typer.Option(help="Lightning's: auto, 2, or 0,1.", rich_help_panel=HARDWARE)] = "auto",
    num_nodes: Annotated[int, typer.Option(help="Lightning's: machines.", rich_help_panel=HARDWARE)] = 1,
    strategy: Annotated[str, typer.Option(help="Lightning's: auto, ddp, ...", rich_help_panel=HARDWARE)] = "auto",
) -> None:  # fmt: skip
    """Fine-tune the networks, then fit temperatures and voting weights on the validation split."""
    import msgspec

    training = need("edge_train", "train")
    base, own = _epochs(epochs or [])
    settings = {
        "members": msgspec.to_builtins(training.parse_members(members)),
        "init": init,
        "epochs": base,
        "member_epochs": own,
        "source_epochs": source_epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "weight_decay": weight_decay,
        "balance": balance,
        "average_epochs": average_epochs,
        "early_size": early_size,
        "seed": seed,
        "precision": precision,
        "orthogonal_spheres": {
            "weight": os_lambda,
            "blocks": os_blocks,
            "normalize": os_normalize,
            "squared": os_squared,
            "warmup": os_warmup,
        },
        "preprocess": {"size": size},
        "augmentation": {"crop": crop},
    }
    if not augment:
        settings["augmentation"] = msgspec.to_builtins(training.NO_AUGMENTATION)
    try:
        config = msgspec.convert(settings, training.TrainConfig)
    except msgspec.ValidationError as error:
        raise UsageError(f"a setting is out of range: {error}", hint="edge-run train --help") from error
    training.use_threads(threads)
    training.train(
        data,
        out,
        config,
        source=source or (),
        positive=positive,
        operating_point=operating_point,
        resume=resume,
        hardware={
            "accelerator": accelerator,
            "devices": devices,
            "num_nodes": num_nodes,
            "strategy": strategy,
        },
        command=command_line(),
        say=lambda text: typer.echo(text, err=True),
    )
    typer.echo(out)


def _epochs(words: list[str]) -> tuple[int, dict[str, int]]:
    base, own = 12, {}
    for word in words:
        name, _, number = word.rpartition("=")
        if not number.isdigit():
            raise UsageError(f"--epochs {word!r} is not N or <network>=N", hint="--epochs 12 --epochs resnet101=6")
        if name:
            own[name] = int(number)
        else:
            base = int(number)
    return base, own
