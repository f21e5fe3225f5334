"""A bundle that stores ``int8-cpu`` alone -> the same bundle, with every derivable form measured and gated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from edge_run._version import __version__
from edge_run.bundle.derive import FORMS, SOURCE
from edge_run.bundle.manifest import SCHEMA_VERSION, Artefact, Quantisation
from edge_run.bundle.writer import BundleWriter
from edge_run.errors import DataError, GateError, UsageError
from edge_run.flags import FeatureDistance
from edge_run.flags.catch import flag_line
from edge_run.flags.quality import standardised
from edge_run.flags.thresholds import Target
from edge_run.voting.vote import softmax
from edge_train.data.dataset import decode, read_folders

from .bundle.assemble import evaluation_of
from .flags.flags import OodReference, fit_flags, fit_image_flags
from .gate import gate
from .gate.compile import CompiledMember, artefact_line, compile_vote
from .gate.derived_fallback import DerivedFallback
from .gate.float_fallback import RANKING_SCANS
from .gate.output import MemberOutput
from .gate.precisions import RECIPES, chosen
from .gate.trained_member import TrainedMember
from .graphs.simulate import Simulation
from .reporter import Reporter
from .scans.calibration import choose_scans
from .scans.export_scans import FEATURE_SCANS, ExportScans, ValidationScans

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from edge_run.bundle.bundle import Bundle
    from edge_run.bundle.manifest import BundleMember, File, Manifest

    from .flags.flags import ImageFlags
    from .gate.compile import PrecisionVote

VALIDATION = "val"


def add_derived_forms(
    bundle: Bundle,
    folders: Sequence[Path],
    out: Path,
    *,
    forms: Sequence[str] = FORMS,
    tolerances: Mapping[str, float] | None = None,
    flag_target: Target = Target(),  # noqa: B008 - immutable
    reporter: Reporter = Reporter(),  # noqa: B008 - immutable
) -> Manifest:
    """Measure every form that can be derived from a bundle's INT8 networks, and write the bundle that promises them.

    The check of orientation is fitted anew, for every precision.

    The stored networks stand in the place of the originals: each form is compared with what they answer to the
    validation scans, by the tolerances of ``int8-cpu``. A quantised form that fails keeps its residual sums, then its
    most sensitive layers, in float. Each form gets its own temperature and its own flags. No network is added: a device
    derives what it needs, see :mod:`edge_run.bundle.derive`.

    Parameters
    ----------
    bundle
        Stores ``int8-cpu``; its other precisions are left out of the new bundle.
    folders
        The scans it was made of; their training split fits the check of orientation alone.
    out
        Folder to make, or a path ending in ``.zip``.
    forms
        Which of :data:`edge_run.bundle.derive.FORMS`.
    tolerances, flag_target
        As :func:`edge_export.export` takes them.

    Raises
    ------
    UsageError
        The bundle does not store ``int8-cpu``, ``out`` is taken, or a tolerance is unknown.
    DataError
        The folders do not hold scans with the bundle's labels and a validation split.
    GateError
        A form differs from the stored one by more than is accepted; nothing is written.
    """
    if unknown := [form for form in forms if form not in FORMS]:
        raise UsageError(f"{', '.join(unknown)} cannot be derived", hint=f"choose from {', '.join(FORMS)}")
    if SOURCE not in bundle.manifest.stored_precisions:
        raise UsageError(
            f"{bundle.manifest.name} does not store {SOURCE}", hint="edge-run export RUN DATA --out BUNDLE"
        )
    recipe = chosen([SOURCE], tolerances)[SOURCE]
    recipes = {
        # Tolerances of int8-cpu for all; what can be repaired, and how, is that of the form.
        form: RECIPES[form]._replace(member=recipe.member, vote=recipe.vote)
        for form in sorted(forms, key=FORMS.index)
    }
    scans = _scans(bundle, folders)
    with BundleWriter(out) as writer:
        members = []
        for member in bundle.manifest.members:
            stored = _stored(bundle, member, scans, writer.scratch)
            fallback = DerivedFallback(stored, scans, reporter, kept=_float_layers(member))
            artefacts = fallback.derive_all(recipes)
            for form, made in artefacts.items():
                reporter.say(artefact_line(member.id, form, made))
            members.append(CompiledMember(stored, artefacts, fallback))
        votes = {form: compile_vote(members, form, own, scans, reporter) for form, own in recipes.items()}
        _refuse(members, votes)
        image = fit_image_flags(
            scans.training, scans.validation.paths, _typical(bundle)[1], writer.add_array, reporter.say
        )
        manifest = _manifest(bundle, members, votes, scans, image, flag_target, reporter)
        writer.copy(bundle, manifest.files)
        writer.finish(manifest)
    return manifest


def _float_layers(member: BundleMember) -> tuple[str, ...]:
    quantisation = member.artefacts[SOURCE].quantisation
    return quantisation.float_layers if quantisation else ()


def _scans(bundle: Bundle, folders: Sequence[Path]) -> ExportScans:
    task, spec = bundle.manifest.task, bundle.manifest.preprocess
    dataset = read_folders(folders, labels=task.labels)
    part = dataset.of(VALIDATION)
    if not part.samples:
        raise DataError(
            f"no scan of these folders is in the split {VALIDATION}", hint="give the folders of the training"
        )
    validation = ValidationScans(
        split=VALIDATION,
        pixels=decode(part.samples, spec).pixels,
        targets=part.targets,
        groups=part.groups,
        positive=task.labels.index(task.positive),
        threshold=task.threshold,
        paths=tuple(sample.path for sample in part.samples),
    )
    reference = bundle.read_array(bundle.manifest.reference.scans)
    train = dataset.of("train").samples
    training = tuple(train[i].path for i in choose_scans(train, FEATURE_SCANS, seed=0))
    # Layers are ranked by training scans, since the gate needs the others.
    ranked = [train[i] for i in choose_scans(train, RANKING_SCANS, seed=0)]
    ranking = decode(ranked, spec).pixels if ranked else validation.pixels[:RANKING_SCANS]
    return ExportScans(validation, ranking, (), reference, training)


def _stored(bundle: Bundle, member: BundleMember, scans: ExportScans, scratch: Path) -> TrainedMember:
    """Run a stored network on the validation scans; what is derived from it is compared with its output."""
    path = scratch / f"{member.id}.{SOURCE}.onnx"
    path.write_bytes(bundle.model(member, SOURCE))
    logits = Simulation(path).logits(scans.validation.pixels[:, None])
    temperature = member.artefacts[SOURCE].temperature
    output = MemberOutput(logits, temperature, softmax(logits, temperature))
    head = bundle.read_array(member.head)
    return TrainedMember(member.id, member.arch, member.weight, path, {}, output, head, member.macs)


def _refuse(members: Sequence[CompiledMember], votes: Mapping[str, PrecisionVote]) -> None:
    gates = {f"{m.original.id} {form}": a.gate for m in members for form, a in m.artefacts.items()}
    gates |= {f"vote {form}": voted.gate for form, voted in votes.items()}
    failed = [f"{what}: {gate.in_words(judged)}" for what, judged in gates.items() if not judged.passed]
    if failed:
        raise GateError(
            f"no bundle was written, these differ too much from {SOURCE}: {'; '.join(failed)}",
            hint="leave that precision out, or accept more with --tolerance",
        )


def _manifest(
    bundle: Bundle,
    members: Sequence[CompiledMember],
    votes: Mapping[str, PrecisionVote],
    scans: ExportScans,
    image: ImageFlags,
    target: Target,
    reporter: Reporter,
) -> Manifest:
    old = bundle.manifest
    ood = _ood(bundle, members, votes, scans)
    flags = fit_flags(members, votes, old.stages[0], old.task.labels, scans, ood, image, target)
    counts = {name: int(marked.sum()) for name, marked in image.marked.items()}
    profile = old.profile[SOURCE]
    versions = old.provenance.versions | {"edge-run (derived forms)": __version__}
    new = msgspec.structs.replace(
        old,
        schema_version=SCHEMA_VERSION,
        members=tuple(_member(one, m) for one, m in zip(old.members, members, strict=True)),
        flags={SOURCE: msgspec.structs.replace(old.flags[SOURCE], orientation=image.orientation)} | flags.thresholds,
        reference=msgspec.structs.replace(
            old.reference,
            tolerance={SOURCE: old.reference.tolerance[SOURCE]} | {form: RECIPES[form].elsewhere for form in votes},
        ),
        parity={SOURCE: old.parity[SOURCE]} | {form: voted.parity for form, voted in votes.items()},
        evaluation={SOURCE: old.evaluation[SOURCE]}
        | {form: evaluation_of(voted.probabilities, scans.validation) for form, voted in votes.items()},
        profile={SOURCE: msgspec.structs.replace(profile, flags=profile.flags | counts)} | flags.profiles,
        provenance=msgspec.structs.replace(old.provenance, versions=versions),
    )
    for form in votes:
        reporter.say(flag_line(new, form))
    return new


def _member(old: BundleMember, compiled: CompiledMember) -> BundleMember:
    source = old.artefacts[SOURCE].quantisation
    method = source.method if source else ""
    derived = {
        form: Artefact(
            file=None,
            temperature=made.output.temperature,
            parity=made.parity,
            reference_logits=tuple(tuple(map(float, row)) for row in made.reference),
            quantisation=Quantisation(method, made.float_layers) if form.startswith("int8") else None,
            derived_from=SOURCE,
        )
        for form, made in compiled.artefacts.items()
    }
    return msgspec.structs.replace(old, artefacts={SOURCE: old.artefacts[SOURCE]} | derived)


def _ood(
    bundle: Bundle, members: Sequence[CompiledMember], votes: Mapping[str, PrecisionVote], scans: ExportScans
) -> OodReference:
    """Measure the validation scans' distances at each form, by the bundle's statistics of its INT8 network."""
    thresholds = bundle.manifest.flags[SOURCE]
    if thresholds.feature_distance is None:
        raise _without_statistics(bundle)
    member_id, statistics = thresholds.feature_distance.member, thresholds.feature_distance.statistics
    distance = FeatureDistance(bundle.read_array(statistics))
    artefacts = next(m.artefacts for m in members if m.original.id == member_id)
    pixels = scans.validation.pixels[:, None]
    distances = {
        form: distance.distance(Simulation(artefacts[form].path, half_scales=RECIPES[form].half_scales).pooled(pixels))
        for form in votes
    }
    return OodReference(member_id, distances, dict.fromkeys(votes, statistics), _typical(bundle))


def _typical(bundle: Bundle) -> tuple[File, NDArray[np.float64]]:
    """The mean training scan: the bundle's file, and as the flags take it."""
    file = bundle.manifest.flags[SOURCE].typical
    if file is None:
        raise _without_statistics(bundle)
    return file, standardised(np.asarray(bundle.read_array(file)))


def _without_statistics(bundle: Bundle) -> UsageError:
    return UsageError(f"{bundle.manifest.name} has no statistics of its training scans", hint="export its run again")
