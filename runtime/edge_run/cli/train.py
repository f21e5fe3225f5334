"""``edge-run train``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edge_run.errors import UsageError

from ._choices import NETWORKS, Accelerator, Arithmetic, Balance, listed
from ._extras import command_line, need
from ._interrupt import saying_what_is_kept
from .output import say
from .output.style import is_terminal

if TYPE_CHECKING:
    from collections.abc import Mapping

RUN = "Run"
NETWORK = "Networks"
TRAINING = "Training"
SPHERES = "Orthogonal Spheres"
VOTE = "Vote"
HARDWARE = "Hardware"
DEFAULT_MEMBERS = "resnet18,googlenet,resnet50,resnet101"
_USUAL_HARDWARE = {"accelerator": "auto", "devices": "auto", "num_nodes": 1, "strategy": "auto"}


def train(
    data: Annotated[list[Path] | None, typer.Argument(metavar="DATA...", help="Folders of labelled scans: splits.csv, or one folder per class.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="RUN", help="Write the run into this folder.", rich_help_panel=RUN)] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the training in --out, with the settings it was started with.", rich_help_panel=RUN)] = False,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="Read settings from a TOML file, or from the request.json of a run; options take precedence.", rich_help_panel=RUN)] = None,
    source: Annotated[list[Path] | None, typer.Option(metavar="DATA", help="Fine-tune on this medical set first, with its own labels; may be repeated.", rich_help_panel=RUN)] = None,
    seed: Annotated[int | None, typer.Option(help="Draw head, order, augmentation and dropout from this seed.", show_default="0", rich_help_panel=RUN)] = None,
    members: Annotated[str | None, typer.Option(help="Train these networks, in this order; resnet18:seed=1 is another member of a network.", show_default=DEFAULT_MEMBERS, autocompletion=listed(NETWORKS), rich_help_panel=NETWORK)] = None,
    init: Annotated[str | None, typer.Option(help="Start from imagenet, none, or a folder of <network>.safetensors.", show_default="imagenet", rich_help_panel=NETWORK)] = None,
    size: Annotated[int | None, typer.Option(min=32, help="Shrink scans to squares of this side, pixels.", show_default="224", rich_help_panel=NETWORK)] = None,
    epochs: Annotated[list[str] | None, typer.Option(metavar="[MEMBER=]N", help="Pass so many times over the scans; may be repeated for single members.", show_default="12", rich_help_panel=TRAINING)] = None,
    source_epochs: Annotated[int | None, typer.Option(min=1, help="Pass so many times over the source set.", show_default="6", rich_help_panel=TRAINING)] = None,
    batch_size: Annotated[int | None, typer.Option(min=2, help="Take so many scans per step.", show_default="32", rich_help_panel=TRAINING)] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Rise to this rate, and fall by a cosine.", show_default="0.001", rich_help_panel=TRAINING)] = None,
    weight_decay: Annotated[float | None, typer.Option(help="Decay weights by AdamW's rule.", show_default="0.02", rich_help_panel=TRAINING)] = None,
    balance: Annotated[Balance | None, typer.Option(help="Weigh classes by their inverse frequency in the loss, or not.", show_default="loss", rich_help_panel=TRAINING)] = None,
    average_epochs: Annotated[int | None, typer.Option(min=0, help="Average the weights of so many last epochs; 0 takes a quarter.", show_default="0", rich_help_panel=TRAINING)] = None,
    early_size: Annotated[int | None, typer.Option(min=0, help="Train the first two thirds of the epochs at this side, pixels; 0 takes --size.", show_default="0", rich_help_panel=TRAINING)] = None,
    crop: Annotated[float | None, typer.Option(help="Keep at least this share of the area in a random crop; 1 crops nothing.", show_default="0.6", rich_help_panel=TRAINING)] = None,
    augment: Annotated[bool | None, typer.Option(help="Rotate, zoom, shift, mirror, crop, change contrast, add noise.", show_default="augment", rich_help_panel=TRAINING)] = None,
    os_lambda: Annotated[float | None, typer.Option(help="Weigh the term by this; 0 is plain cross-entropy.", show_default="0.03", rich_help_panel=SPHERES)] = None,
    os_blocks: Annotated[int | None, typer.Option(min=1, help="Cut the pooled features into so many blocks.", show_default="16", rich_help_panel=SPHERES)] = None,
    os_normalize: Annotated[bool | None, typer.Option(help="Put each block on the unit sphere first.", show_default="os-normalize", rich_help_panel=SPHERES)] = None,
    os_squared: Annotated[bool | None, typer.Option(help="Square the Frobenius norm.", show_default="no-os-squared", rich_help_panel=SPHERES)] = None,
    os_warmup: Annotated[float | None, typer.Option(help="Let the weight rise from 0 over so many epochs.", show_default="1.0", rich_help_panel=SPHERES)] = None,
    positive: Annotated[str | None, typer.Option(metavar="LABEL", help="Take this label as the positive class.", show_default="the first", rich_help_panel=VOTE)] = None,
    operating_point: Annotated[str | None, typer.Option(help="Set the threshold on the positive class: a number, youden, or sensitivity=S.", show_default="0.5", rich_help_panel=VOTE)] = None,
    accept_weak_vote: Annotated[bool, typer.Option("--accept-weak-vote", help="Keep a vote that is not better than chance, or worse than its best member.", rich_help_panel=VOTE)] = False,
    arithmetic: Annotated[Arithmetic | None, typer.Option(help="Compute in this; auto takes bfloat16 where the machine has it.", show_default="auto", rich_help_panel=HARDWARE)] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Use this many CPU threads.", show_default="all cores of the process", rich_help_panel=HARDWARE)] = None,
    accelerator: Annotated[Accelerator | None, typer.Option(help="Let Lightning train on this.", show_default="auto", rich_help_panel=HARDWARE)] = None,
    devices: Annotated[str | None, typer.Option(help="Let Lightning use these devices: auto, 2, or 0,1.", show_default="auto", rich_help_panel=HARDWARE)] = None,
    num_nodes: Annotated[int | None, typer.Option(min=1, help="Let Lightning use so many machines.", show_default="1", rich_help_panel=HARDWARE)] = None,
    strategy: Annotated[str | None, typer.Option(help="Let Lightning share the work by this strategy: auto, ddp, ...", show_default="auto", rich_help_panel=HARDWARE)] = None,
) -> None:  # fmt: skip
    """Fine-tune the networks, and fit temperatures and the vote.

    Temperatures, voting weights and the operating point are fitted on the validation split.
    """
    options = dict(locals())
    _train({name: getattr(value, "value", value) for name, value in options.items()})


def _train(options: Mapping[str, Any]) -> None:
    from . import _train_settings as settings

    training = need("edge_train", "train")
    base = settings.read_settings(options["config"]) if options["config"] else {}
    out = options["out"] or base.get("out")
    if out is None:
        raise UsageError("no folder for the run is given", hint="edge-run train DATA... --out RUN")
    if options["resume"]:
        base = {**settings.read_request(Path(out)), **base}
    call, config = settings.merge(training, base, options)
    if not call["data"]:
        raise UsageError("no labelled scans are given", hint=f"edge-run train DATA... --out {out}")
    if options["resume"] and options["init"] is None and config.init not in settings.WEIGHTS_BY_NAME:
        raise UsageError(
            f"the training began with weights from a folder {config.init!r}, and a run keeps no places",
            hint=f"edge-run train DATA... --out {out} --resume --init DIR",
        )
    training.use_threads(call["threads"])
    folders = [Path(folder) for folder in call["data"]]
    hardware = {name: call[name] or usual for name, usual in _USUAL_HARDWARE.items()}
    with (
        saying_what_is_kept(lambda: _what_is_kept(Path(out))),
        training.show_training(config, say, terminal=_draws()) as progress,
    ):
        training.train(
            folders,
            Path(out),
            config,
            source=[Path(folder) for folder in call["source"] or ()],
            positive=call["positive"],
            operating_point=str(call["operating_point"] or "0.5"),
            accept_weak_vote=options["accept_weak_vote"],
            resume=options["resume"],
            hardware=hardware,
            command=command_line(),
            say=progress.say,
            progress=progress,
        )
    typer.echo(out)


def _draws() -> bool:
    """Tell whether a table can be drawn where messages go."""
    return is_terminal(sys.stderr) and os.environ.get("TERM") != "dumb"


def _what_is_kept(out: Path) -> str:
    if (out / "request.json").is_file():
        return f"epochs that ended are kept; go on with edge-run train DATA... --out {out} --resume"
    return "nothing was trained yet"
