"""``edge-run doctor``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_run.machine.packages import reinstall

from . import _options
from .output import Format, Record, Sink, print_json

if TYPE_CHECKING:
    from edge_run.doctor import Machine


def doctor(as_json: _options.Json = False) -> None:
    """Show what this machine is and what of edge-run it can do."""
    import msgspec

    from edge_run.doctor import examine

    machine = examine()
    if as_json:
        print_json(msgspec.to_builtins(machine))
        return
    with Sink(Format.TEXT, lambda record, style: f"{style.bold(format(record['what'], '<19'))} {record['is']}") as sink:
        for record in _lines(machine):
            sink.write(record)


def _lines(machine: Machine) -> list[Record]:
    rows = {
        "edge-run": machine.version,
        "python": f"{machine.python} on {machine.system}",
        "cpu": f"{machine.cpu}, {machine.cores} cores for this process",
        "int8": ", ".join(machine.int8)
        or "no 8-bit product instructions: INT8 is slower here and may round differently",
        "board": machine.board,
        "l4t": machine.l4t,
        "power": machine.power_mode,
        "driver": machine.nvidia_driver and f"NVIDIA {machine.nvidia_driver}",
        "packages": ", ".join(f"{name} {version}" for name, version in machine.packages.items()),
    }
    for package, reason in machine.broken.items():
        rows[f"broken {package}"] = f"cannot be imported: {reason}: {reinstall(package)}"
    for name, state in machine.backends.items():
        rows[f"backend {name}"] = (
            f"ready: {', '.join(state.precisions)}" if state.ready else f"{state.reason}: {state.hint}"
        )
    for extra, missing in machine.extras.items():
        rows[f"[{extra}]"] = (
            "installed" if not missing else f"needs {', '.join(missing)}: pip install 'edge-run[{extra}]'"
        )
    return [{"what": what, "is": value} for what, value in rows.items() if value]
