"""Bundles that reach out of themselves, lie about themselves, or change while they are loaded."""

from __future__ import annotations

import copy
import json
import os
import random
import shutil
import tarfile
import tempfile
import threading
import warnings
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.attack import material
from benchmarks.attack.outcome import Clock, Outcome
from benchmarks.attack.pictures import drawing
from edge_run import EdgeRunError, Ensemble

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 2**63, 10**400, 1e308, -1e308, 0.5, "", "\x1b[2J", "a" * 100_000, [], [[]], {}, {"a": 1},
    ["a", "a"], "../../etc/passwd", "/etc/passwd", "a\0b", "C:\\x", float("nan"), float("inf"),
)  # fmt: skip
OUTSIDE = (
    "../outside", "/etc/passwd", "models/../../outside", "models/./../../outside", "a\0b", "C:\\outside", "..\\outside",
    "//etc/passwd", "models//../../outside", "~/outside", "", ".", "..", "models", "bundle.json/x",
)  # fmt: skip


def attack(seed: int, tries: int, seconds: float) -> list[Outcome]:
    """Attack a bundle in every way, and return what came of each."""
    outcomes = []
    with tempfile.TemporaryDirectory() as folder:
        whole = material.small_bundle(Path(folder) / "whole")
        expected = _answer(whole)
        kinds: dict[str, Iterator[tuple[str, Callable[[Path], Path]]]] = {
            "bundles: manifest": _manifests(whole, seed, tries),
            "bundles: paths and files": _paths(whole),
            "bundles: zip and tar": _archives(whole),
            "bundles: ONNX": _networks(whole),
        }
        for name, ways in kinds.items():
            outcome, clock = Outcome(name), Clock(seconds)
            for way, make in ways:
                if clock.over:
                    break
                _try(outcome, way, make, Path(folder) / "hostile", expected)
            outcome.seconds = clock.spent
            outcomes.append(outcome)
        outcomes.append(_replaced(whole, expected, max(20, tries), min(seconds, 30)))
    return outcomes


def _answer(bundle: Path) -> tuple[str, float]:
    with Ensemble.load(bundle, threads=1) as ensemble:
        decision = ensemble.predict(drawing()).decision
    return decision.label, decision.probability


def _try(
    outcome: Outcome, way: str, make: Callable[[Path], Path], folder: Path, expected: tuple[str, float] | None
) -> None:
    """Make a bundle and answer with it: it must be refused, or give finite numbers of what its manifest names."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        bundle = make(folder)
    except (OSError, ValueError) as error:  # a name that this disk does not take
        outcome.count(f"not made ({type(error).__name__})")
        return
    try:
        found = _answer(bundle)
    except EdgeRunError as error:
        outcome.check(error.exit_code in (2, 4, 5), f"{way}: exit {error.exit_code}, {error.message}", "refused")
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what the attack looks for
        outcome.fail(f"{way}: {type(error).__name__}: {str(error)[:200]}")
    else:
        sound = 0.0 <= found[1] <= 1.0 and (not way.startswith("!") or found == expected)
        outcome.check(sound and not way.startswith("x"), f"{way}: answered {found}", "answered")


def _copied(whole: Path, folder: Path) -> Path:
    """Copy a bundle by links, which are as good as files as long as nobody writes into them."""
    return Path(shutil.copytree(whole, folder / "bundle", copy_function=os.link))


def _manifests(whole: Path, seed: int, tries: int) -> Iterator[tuple[str, Callable[[Path], Path]]]:
    """Yield bundles with one to three values of the manifest replaced, removed or added."""
    sound = material.read_manifest(whole)
    for number in range(tries):
        rng = random.Random(f"{seed} {number}")
        manifest = copy.deepcopy(sound)
        for _ in range(rng.choice((1, 1, 2, 3))):
            holder = rng.choice(_holders(manifest))
            key = rng.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
            action = rng.choice(("replace", "replace", "remove", "add"))
            if action == "replace":
                holder[key] = rng.choice(VALUES)
            elif action == "remove":
                del holder[key]
            elif isinstance(holder, dict):
                holder["more"] = rng.choice(VALUES)
            else:
                holder.append(rng.choice(VALUES))

        def make(folder: Path, text: str = _dumps(manifest)) -> Path:
            bundle = _copied(whole, folder)
            (bundle / "bundle.json").unlink()
            (bundle / "bundle.json").write_text(text)
            return bundle

        yield f"manifest {number} of seed {seed}", make
    for name, text in {
        "nested deeply": "[" * 200_000, "a key twice": '{"schema_version": 2, "schema_version": 1}',
        "half a surrogate": '{"schema_version": 2, "name": "\\ud800"}', "a list": "[]", "nothing": "", "null": "null",
        "five megabytes": '{"schema_version": 2, "name": "' + "a" * 5_000_000 + '"}', "UTF-16": "\ufeff{}",
    }.items():  # fmt: skip

        def write(folder: Path, text: str = text) -> Path:
            (folder / "bundle.json").write_text(text)
            return folder

        yield f"x manifest: {name}", write


def _dumps(manifest: object) -> str:
    return json.dumps(manifest)


def _holders(value: object) -> list[Any]:
    """Return all objects and lists of a manifest that hold something."""
    if isinstance(value, dict):
        return ([value] if value else []) + [one for part in value.values() for one in _holders(part)]
    return (
        ([value] if value else []) + [one for part in value for one in _holders(part)]
        if isinstance(value, list)
        else []
    )


def _paths(whole: Path) -> Iterator[tuple[str, Callable[[Path], Path]]]:
    """Yield bundles whose paths lead out, and bundles with something else than a file in a file's place."""
    network = material.network_path(whole)
    secret = (whole / network).read_bytes()

    def named(path: str) -> Callable[[Path], Path]:
        def make(folder: Path) -> Path:
            (folder / "outside").write_bytes(secret)
            bundle = _copied(whole, folder)
            manifest = material.read_manifest(bundle)
            manifest["members"][0]["artefacts"][material.PRECISION]["file"]["path"] = path
            (bundle / "bundle.json").unlink()
            material.write_manifest(bundle, manifest)
            return bundle

        return make

    for path in OUTSIDE:
        yield f"x path {path!r}", named(path)

    def placed(place: Callable[[Path, Path], object], path: str = network) -> Callable[[Path], Path]:
        def make(folder: Path) -> Path:
            (folder / "outside").write_bytes((whole / path).read_bytes())
            bundle = _copied(whole, folder)
            (bundle / path).unlink()
            place(bundle / path, folder / "outside")
            return bundle

        return make

    for path in (network, "bundle.json"):
        yield f"x {path}: a link out", placed(lambda at, outside: at.symlink_to(outside), path)
        yield f"x {path}: a relative link out", placed(lambda at, _: at.symlink_to("../outside"), path)
        yield f"x {path}: a circle", placed(lambda at, _: at.symlink_to(at.name), path)
        yield f"x {path}: a pipe", placed(lambda at, _: os.mkfifo(at), path)
        yield f"x {path}: a folder", placed(lambda at, _: at.mkdir(), path)
        yield f"x {path}: a link to a device", placed(lambda at, _: at.symlink_to("/dev/zero"), path)
        yield f"x {path}: missing", placed(lambda _, __: None, path)
        yield f"x {path}: empty", placed(lambda at, _: at.write_bytes(b""), path)
    yield "x a byte more", placed(lambda at, outside: at.write_bytes(outside.read_bytes() + b"\0"))
    yield "x a bit flipped", placed(lambda at, outside: at.write_bytes(_flipped(outside.read_bytes())))
    yield "! a link within", placed(_linked_within)


def _flipped(data: bytes) -> bytes:
    changed = bytearray(data)
    changed[len(changed) // 2] ^= 1
    return bytes(changed)


def _linked_within(at: Path, outside: Path) -> None:
    (at.parent / "same").write_bytes(outside.read_bytes())
    at.symlink_to("same")


def _archives(whole: Path) -> Iterator[tuple[str, Callable[[Path], Path]]]:
    """Yield bundles as archives with a trick."""

    def archived(change: Callable[[zipfile.ZipFile], None], **options: Any) -> Callable[[Path], Path]:  # noqa: ANN401
        def make(folder: Path) -> Path:
            at = material.zipped(whole, folder / "a.zip", **options)
            with warnings.catch_warnings(), zipfile.ZipFile(at, "a") as archive:
                warnings.simplefilter("ignore")  # of two files of one name
                change(archive)
            return at

        return make

    def patched(change: Callable[[bytes], bytes]) -> Callable[[Path], Path]:
        def make(folder: Path) -> Path:
            at = material.zipped(whole, folder / "a.zip")
            at.write_bytes(change(at.read_bytes()))
            return at

        return make

    yield "! whole", archived(lambda _: None)
    yield "! deflated", archived(lambda _: None, compression=zipfile.ZIP_DEFLATED)
    yield "x bzip2", archived(lambda archive: archive.writestr("more", b"x", zipfile.ZIP_BZIP2))
    yield "x LZMA", archived(lambda archive: archive.writestr("more", b"x", zipfile.ZIP_LZMA))
    yield "x two manifests", archived(lambda archive: archive.writestr("bundle.json", b"{}"))
    yield "x two networks", archived(lambda archive: archive.writestr(material.network_path(whole), b"x"))
    yield "! a name that leads out", archived(lambda archive: archive.writestr("../../outside", b"x"))
    yield "! an absolute name", archived(lambda archive: archive.writestr("/tmp/outside", b"x"))
    yield "! a comment", archived(lambda archive: setattr(archive, "comment", b"\x1b[2J" * 100))
    yield "x cut in half", patched(lambda data: data[: len(data) // 2])
    yield "x its list cut", patched(lambda data: data[:-30])
    yield "x a bit flipped in the middle", patched(_flipped)
    yield "! something before it", patched(lambda data: b"#!/bin/sh\n" + data)
    yield (
        "x encrypted",
        patched(lambda data: data.replace(b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01")),
    )

    def names(folder: Path) -> Path:
        at = folder / "a.zip"
        with zipfile.ZipFile(at, "w") as archive:
            for n in range(40_000):
                archive.writestr(str(n), b"")
        return at

    yield "x forty thousand names", names

    def bomb(folder: Path) -> Path:
        at = folder / "a.zip"
        with zipfile.ZipFile(at, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("bundle.json", b" " * 2**30)
        return at

    yield "x a manifest of 1 GiB", bomb

    def tar(folder: Path) -> Path:
        with tarfile.open(folder / "a.zip", "w") as archive:
            archive.add(whole, "bundle")
        return folder / "a.zip"

    yield "x a tar", tar


def _networks(whole: Path) -> Iterator[tuple[str, Callable[[Path], Path]]]:
    """Yield bundles whose network refers to other files, or is none."""
    if not find_spec("onnx"):
        return
    from benchmarks.attack.onnx_files import hostile

    path = material.network_path(whole)
    for name, model in hostile((whole / path).read_bytes()):

        def make(folder: Path, model: bytes = model) -> Path:
            bundle = Path(shutil.copytree(whole, folder / "bundle"))
            (folder / "secret").write_bytes(bytes(10_000_000))
            material.put(bundle, path, model)
            return bundle

        yield f"x network: {name}", make


def _replaced(whole: Path, expected: tuple[str, float], loads: int, seconds: float) -> Outcome:
    """Load a bundle while another process swaps its network and its manifest for altered ones, and back."""
    outcome, clock, stop = Outcome("bundles: replaced while loading"), Clock(seconds), threading.Event()
    with tempfile.TemporaryDirectory() as temporary:
        bundle = Path(shutil.copytree(whole, Path(temporary) / "bundle"))
        network = bundle / material.network_path(bundle)
        sound = network.read_bytes()
        versions = (sound, _flipped(sound), sound[:-1], sound + b"\0")

        def swap() -> None:
            chance = random.Random(0)
            while not stop.is_set():
                fresh = network.with_name("fresh")
                fresh.write_bytes(chance.choice(versions))
                fresh.replace(network)
                # In place as well: a reader may see the first half of one and the second of another.
                with network.open("r+b") as file:
                    file.write(chance.choice(versions)[: len(sound) // 2])

        swapping = threading.Thread(target=swap, daemon=True)
        swapping.start()
        try:
            while outcome.tries < loads and not clock.over:
                try:
                    found = _answer(bundle)
                except EdgeRunError as error:
                    outcome.check(error.exit_code == 4, f"exit {error.exit_code}: {error.message}", "refused")
                else:
                    outcome.check(found == expected, f"answered {found} instead of {expected}", "answered as whole")
        finally:
            stop.set()
            swapping.join()
    outcome.seconds = clock.spent
    return outcome
