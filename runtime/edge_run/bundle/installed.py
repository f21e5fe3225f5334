"""Bundles by name: the built-in ones, and those of installed packages.

A package offers bundles by entry points of the group ``edge_run.bundles``: the entry point's name is the bundle's, its
value the package (and folder) that holds ``bundle.json``, as ``ct_lung`` or ``hospital_bundles.ct_lung``. Nothing of
the package is imported or run.
"""

from __future__ import annotations

from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from edge_run.errors import BundleError

from .archive import MANIFEST

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "edge_run.bundles"
BUILT_IN = Path(__file__).parents[1] / "bundles"


class InstalledBundle(NamedTuple):
    """A bundle that has a name on this machine.

    Attributes
    ----------
    name
        What ``--bundle`` and `Bundle` take.
    path
        Its folder.
    package
        The package that brings it, with its version; empty for a built-in bundle.
    """

    name: str
    path: Path
    package: str = ""


def installed_bundles() -> list[InstalledBundle]:
    """List the bundles that have a name here: the built-in ones first, then those of packages, each sorted by name.

    An entry point that leads to no ``bundle.json`` is left out, and so is one of a built-in bundle's name.
    """
    built_in = [InstalledBundle(path.parent.name, path.parent) for path in sorted(BUILT_IN.glob(f"*/{MANIFEST}"))]
    names = {bundle.name for bundle in built_in}
    packaged = [bundle for point in entry_points(group=GROUP) if (bundle := _of(point)) and bundle.name not in names]
    return built_in + sorted(packaged)


def find_bundle(path: str | Path) -> Path:
    """Return the path of a bundle: where there is such a path, that one; else the bundle of that name.

    Raises
    ------
    BundleError
        There is neither a path nor a bundle of that name, or several packages bring one.
    """
    wanted = Path(path)
    try:
        if wanted.exists() or len(wanted.parts) != 1:
            return wanted
    except OSError as error:
        raise BundleError(
            f"{path} cannot be looked at: {error.strerror}", hint="check the path and its rights"
        ) from error
    # Before any package is looked for, which takes some milliseconds.
    if (BUILT_IN / wanted / MANIFEST).is_file():
        return BUILT_IN / wanted
    known = installed_bundles()
    found = [bundle for bundle in known if bundle.name == str(path)]
    if not found:
        names = ", ".join(dict.fromkeys(bundle.name for bundle in known))
        raise BundleError(
            f"there is no bundle at {path}, and none is installed by this name",
            hint=f"give a bundle's folder or .zip, or one of: {names}",
        )
    if len({bundle.path for bundle in found}) > 1:
        packages = " and ".join(bundle.package for bundle in found)
        raise BundleError(f"{packages} both bring a bundle {path}", hint="give the path of its folder, or remove one")
    return found[0].path


def _of(point: EntryPoint) -> InstalledBundle | None:
    top, *rest = point.value.split(".")
    try:
        # Of a top-level name this finds the package's folder and imports nothing.
        spec = find_spec(top)
    except (ImportError, ValueError):
        return None
    folders = [Path(folder, *rest) for folder in (spec.submodule_search_locations or ())] if spec else []
    path = next((folder for folder in folders if (folder / MANIFEST).is_file()), None)
    package = f"{point.dist.name} {point.dist.version}" if point.dist else ""
    return InstalledBundle(point.name, path, package) if path else None
