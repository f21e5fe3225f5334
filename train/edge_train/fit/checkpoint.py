"""Lightning checkpoints without pickle: one safetensors file whose metadata holds the rest as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from lightning.pytorch.plugins.io import CheckpointIO
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from edge_run._files import replacing
from edge_run.errors import BundleError

if TYPE_CHECKING:
    from torch import Tensor


class SafeCheckpointIO(CheckpointIO):
    """Store and load training state; a file is there whole or not at all."""

    def save_checkpoint(
        self,
        checkpoint: dict[str, Any],
        path: str | Path,
        storage_options: Any = None,  # noqa: ANN401, ARG002 - Lightning's signature
    ) -> None:
        """Write atomically, so that a kill in the middle leaves the previous checkpoint."""
        tensors: dict[str, Tensor] = {}
        tree = _encode(checkpoint, tensors)
        with replacing(Path(path), private=False) as unfinished:
            save_file(tensors, unfinished, metadata={"tree": json.dumps(tree)})

    def load_checkpoint(self, path: str | Path, *args: Any, **kwargs: Any) -> dict[str, Any]:  # noqa: ANN401, ARG002
        """Read what :meth:`save_checkpoint` wrote.

        Raises
        ------
        BundleError
            The file is damaged.
        """
        try:
            with safe_open(path, framework="pt") as file:
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
                tree = json.loads((file.metadata() or {})["tree"])
            checkpoint: dict[str, Any] = _decode(tree, tensors)
        except (SafetensorError, KeyError, json.JSONDecodeError) as error:
            raise BundleError(
                f"checkpoint {path} is damaged: {error}",
                hint="delete it and go on with --resume: the member starts over",
            ) from error
        return checkpoint

    def remove_checkpoint(self, path: str | Path) -> None:
        """Delete the file if it is there."""
        Path(path).unlink(missing_ok=True)


def _encode(value: object, tensors: dict[str, Tensor]) -> object:
    if isinstance(value, torch.Tensor):
        name = str(len(tensors))
        tensors[name] = value.detach().cpu().contiguous().clone()
        return {"tensor": name}
    if isinstance(value, dict):
        return {"dict": [[_encode(k, tensors), _encode(v, tensors)] for k, v in value.items()]}
    if isinstance(value, tuple | list):
        return {type(value).__name__ if type(value) in (tuple, list) else "list": [_encode(v, tensors) for v in value]}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"a checkpoint cannot hold a {type(value).__name__}")


def _decode(tree: Any, tensors: dict[str, Tensor]) -> Any:  # noqa: ANN401 - the tree holds whatever Lightning keeps
    if not isinstance(tree, dict):
        return tree
    ((kind, content),) = tree.items()
    if kind == "tensor":
        return tensors[content]
    if kind == "dict":
        return {_decode(k, tensors): _decode(v, tensors) for k, v in content}
    items = [_decode(v, tensors) for v in content]
    return tuple(items) if kind == "tuple" else items
