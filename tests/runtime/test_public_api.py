from __future__ import annotations

import json
import subprocess
import sys

import pytest

import edge_run

HEAVY = ("captum", "cv2", "lightning", "matplotlib", "numpy", "onnx", "onnxruntime", "scipy", "torch")

HELP = """
import sys
from edge_run.cli import main
sys.argv = ["edge-run", "--help"]
try:
    main()
except SystemExit as stop:
    assert not stop.code
"""


def loaded_after(script: str) -> set[str]:
    """Which heavy modules a fresh interpreter holds after a script."""
    report = f"import sys, json; print(json.dumps([m for m in {HEAVY} if m in sys.modules]), file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", f"{script}\n{report}"], capture_output=True, text=True, check=True, timeout=60
    )
    return set(json.loads(done.stderr.splitlines()[-1]))


def test_names_are_sorted_and_all_there() -> None:
    assert edge_run.__all__ == sorted(edge_run.__all__)
    for name in edge_run.__all__:
        assert getattr(edge_run, name) is not None


def test_lazy_names_are_what_they_say() -> None:
    for name in set(edge_run.__all__) - {"__version__"}:
        thing = getattr(edge_run, name)
        assert thing.__name__ == name
        assert thing.__module__.startswith("edge_run.")
        assert thing.__doc__


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'edge_run' has no attribute 'Ensamble'"):
        _ = edge_run.Ensamble


def test_errors_have_one_root_and_their_exit_codes() -> None:
    codes = {
        name: getattr(edge_run, name).exit_code
        for name in edge_run.__all__
        if name.endswith("Error") and issubclass(getattr(edge_run, name), edge_run.EdgeRunError)
    }
    assert codes == {
        "EdgeRunError": 1,
        "UsageError": 2,
        "DataError": 2,
        "InputError": 3,
        "BundleError": 4,
        "BackendError": 5,
        "GateError": 6,
    }


@pytest.mark.parametrize(
    "script",
    [
        "import edge_run; edge_run.BundleError",
        "import edge_run.cli",
        HELP,
    ],
    ids=["package", "command line", "help"],
)
def test_nothing_heavy_is_imported_before_it_is_used(script: str) -> None:
    assert loaded_after(script) == set()


def test_check_sees_what_it_looks_for() -> None:
    assert loaded_after("import edge_run; edge_run.read") >= {"numpy", "cv2"}


def test_error_as_text_holds_its_hint() -> None:
    assert str(edge_run.InputError("it is empty.", hint="Copy it again.")) == "it is empty.\nhint: Copy it again."
    assert str(edge_run.InputError("it is empty.")) == "it is empty."
    assert edge_run.InputError("bad \udcff", hint="h").to_dict() == {
        "kind": "InputError", "message": "bad ?", "hint": "h",
    }  # fmt: skip


def test_module_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "edge_run", "--version"], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip().endswith(edge_run.__version__)
