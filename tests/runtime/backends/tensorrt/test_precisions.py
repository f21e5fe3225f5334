from __future__ import annotations

import pytest

from edge_run import BackendError, UsageError
from edge_run.backends.tensorrt.precisions import choose

ALL = ("fp32", "fp16", "int8-cpu", "int8-trt", "int8-trt-fp16")


@pytest.mark.parametrize(
    ("asked", "available", "dla", "chosen"),
    [
        (None, ALL, False, ("int8-trt-fp16", "int8-trt", "fp16", "fp32")),
        (None, ("fp32", "int8-cpu"), False, ("fp32",)),
        (None, ALL, True, ("int8-trt-fp16", "int8-trt", "fp16")),
        (["fp16", "int8"], ALL, False, ("fp16", "int8-trt-fp16")),
        (["int8"], ("fp32", "int8-trt", "int8-cpu"), False, ("int8-trt",)),
        (["int8-trt", "int8-trt-fp16"], ALL, False, ("int8-trt", "int8-trt-fp16")),
        (["int8", "int8-trt-fp16", "int8"], ALL, False, ("int8-trt-fp16",)),
    ],
)
def test_choice(asked: list[str] | None, available: tuple[str, ...], dla: bool, chosen: tuple[str, ...]) -> None:
    assert choose(asked, available, dla=dla) == chosen


@pytest.mark.parametrize(
    ("asked", "available", "dla", "error", "words", "hint"),
    [
        (["int8-cpu"], ALL, False, BackendError, "zero points are not 0", "--precision int8"),
        (["fp16", "int8-cpu"], ("int8-cpu",), False, UsageError, "no precision 'fp16'", "--precision fp16"),
        (["int8"], ("fp32", "int8-cpu"), False, UsageError, "no precision 'int8-trt'", "choose from fp32, or export"),
        (["fp8"], ALL, False, UsageError, "TensorRT runs no precision 'fp8'", "choose from int8, int8-trt-fp16"),
        ([""], ALL, False, UsageError, "TensorRT runs no precision ''", "choose from"),
        (None, ("int8-cpu",), False, BackendError, "none of the bundle's precisions .int8-cpu.", "edge-run export"),
        (["fp32"], ALL, True, BackendError, "accelerator does not compute in fp32", "--dla --precision fp16"),
        (None, ("fp32",), True, BackendError, "accelerator does not compute in fp32", "without --dla"),
    ],
)
def test_no_choice(
    asked: list[str] | None, available: tuple[str, ...], dla: bool, error: type[Exception], words: str, hint: str
) -> None:
    with pytest.raises(error, match=words) as caught:
        choose(asked, available, dla=dla)
    assert hint in caught.value.hint
