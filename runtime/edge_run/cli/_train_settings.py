"""The settings of a training: from a file, from the training that is resumed, and from the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from edge_run.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from types import ModuleType

REQUEST = "request.json"
MAX_BYTES = 2**20

# Option -> its place in edge_train.TrainConfig.
PLACES = {
    "members": "members",
    "init": "init",
    "seed": "seed",
    "source_epochs": "source_epochs",
    "batch_size": "batch_size",
    "learning_rate": "learning_rate",
    "weight_decay": "weight_decay",
    "balance": "balance",
    "size": "preprocess.size",
    "average_epochs": "average_epochs",
    "early_size": "early_size",
    "crop": "augmentation.crop",
    "os_lambda": "orthogonal_spheres.weight",
    "os_blocks": "orthogonal_spheres.blocks",
    "os_normalize": "orthogonal_spheres.normalize",
    "os_squared": "orthogonal_spheres.squared",
    "os_warmup": "orthogonal_spheres.warmup",
    "arithmetic": "precision",
}
# What a training is called with, beside its configuration.
CALL = (
    "data", "out", "source", "positive", "operating_point", "threads", "accelerator", "devices", "num_nodes", "strategy",
)  # fmt: skip
WEIGHTS_BY_NAME = ("imagenet", "none")


def read_settings(path: Path) -> dict[str, Any]:
    """Read settings from a TOML file, or from the ``request.json`` or ``run.json`` of a training.

    Returns
    -------
    The keys of `CALL` and of :class:`edge_train.TrainConfig`, as far as the file has them.

    Raises
    ------
    UsageError
        The file cannot be read, or is neither.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES)
        found = msgspec.json.decode(data) if path.suffix == ".json" else msgspec.toml.decode(data)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", hint="check the path of --config") from error
    except ImportError as error:
        raise UsageError(
            "this Python cannot read TOML", hint="pip install tomli, or write the settings as JSON: run-settings.json"
        ) from error
    except (msgspec.DecodeError, ValueError) as error:
        raise UsageError(f"{path} is neither TOML nor JSON: {error}", hint="edge-run train --help") from error
    if not isinstance(found, dict):
        raise UsageError(f"{path} holds no settings", hint="write lines like: epochs = 12")
    return _of_training(found) if isinstance(found.get("config"), dict) else _of_person(found, path)


def read_request(out: Path) -> dict[str, Any]:
    """Read the settings of the training in a folder; none where there is no training."""
    return read_settings(out / REQUEST) if (out / REQUEST).is_file() else {}


def merge(training: ModuleType, base: Mapping[str, Any], options: Mapping[str, Any]) -> tuple[dict[str, Any], Any]:
    """Put the options that were given over the settings of a file.

    Parameters
    ----------
    training
        The package ``edge_train``.
    base
        As `read_settings` returns them.
    options
        By the names of the command's parameters; None where an option was not given.

    Returns
    -------
    What to call the training with, by the names of `CALL`; and its ``TrainConfig``.

    Raises
    ------
    UsageError
        A setting is unknown or out of range.
    """
    tree = msgspec.to_builtins(dict(base))
    call = {name: tree.pop(name, None) for name in CALL}
    call |= {name: options[name] for name in CALL if options.get(name) not in (None, [])}
    for name, place in PLACES.items():
        if options.get(name) is not None:
            _put(tree, place, str(options[name]) if isinstance(options[name], str) else options[name])
    if isinstance(tree.get("members"), str):
        tree["members"] = msgspec.to_builtins(training.parse_members(tree["members"]))
    _add_epochs(tree, options.get("epochs") or ())
    augment = tree.pop("augment", None) if options.get("augment") is None else options["augment"]
    if augment is False:
        tree["augmentation"] = msgspec.to_builtins(training.NO_AUGMENTATION)
    try:
        return call, msgspec.convert(tree, training.TrainConfig)
    except msgspec.ValidationError as error:
        raise UsageError(f"a setting is out of range: {error}", hint="edge-run train --help") from error


def _of_training(found: dict[str, Any]) -> dict[str, Any]:
    """Settings of ``request.json`` or ``run.json``, where data and weights are named by hash, not by place."""
    config, call = (
        found["config"],
        {name: found[name] for name in ("positive", "operating_point", "threads") if found.get(name)},
    )
    return {**config, **call}


def _of_person(found: dict[str, Any], path: Path) -> dict[str, Any]:
    """Settings as somebody wrote them, by the names of the options or by those of the configuration."""
    if "config" in found:
        raise UsageError(f"config in {path} is no table of settings", hint="leave it out")
    settings: dict[str, Any] = {}
    for written, value in found.items():
        name = written.replace("-", "_")
        if name == "members" and isinstance(value, list) and all(isinstance(word, str) for word in value):
            value = ",".join(value)  # noqa: PLW2901
        if name in ("data", "source") and isinstance(value, str):
            value = [value]  # noqa: PLW2901
        if isinstance(value, dict):
            settings[name] = {**settings.get(name, {}), **value}
        else:
            _put(settings, PLACES.get(name, name), value)
    return settings


def _add_epochs(tree: dict[str, Any], words: Sequence[str]) -> None:
    """Add ``--epochs 12 --epochs resnet101=6`` to the settings."""
    for word in words:
        name, _, number = word.rpartition("=")
        if not number.isdigit():
            raise UsageError(f"--epochs {word!r} is not N or MEMBER=N", hint="--epochs 12 --epochs resnet101=6")
        if name:
            tree["member_epochs"] = {**tree.get("member_epochs", {}), name: int(number)}
        else:
            tree["epochs"] = int(number)


def _put(tree: dict[str, Any], place: str, value: object) -> None:
    *parents, last = place.split(".")
    for parent in parents:
        tree = tree.setdefault(parent, {})
    tree[last] = value
