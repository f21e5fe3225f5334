"""What a recalibrated bundle was made from: its parent, and the noted cases."""

from __future__ import annotations

from .files import ManifestPart


class Recalibration(ManifestPart, frozen=True):
    """How a bundle came from another one whose networks it shares.

    Attributes
    ----------
    parent
        Name of the bundle that was recalibrated.
    ancestors
        SHA-256 of its manifest, and of those that it was recalibrated from in turn: all have the same networks.
    created
        When, UTC.
    precision
        The one at which the cases were answered. At each other precision, temperatures follow in proportion and the
        flags have the same thresholds, but for distances, which follow in proportion too.
    cases
        Scans that were used.
    labels
        Those of them that were noted with each label.
    left_out
        Cases that were not used, by reason.
    groups
        What counts as independent evidence: patients where they were given, else scans of other pixels.
    nll, parent_nll
        Mean negative log-likelihood on the cases, nats: of the new vote, cross-fitted, and of the parent's.
    gain, gain_error
        The second minus the first, and its standard error over groups.
    log_head
        Hash of the case log's last entry at that time.
    """

    parent: str
    ancestors: tuple[str, ...]
    created: str
    precision: str
    cases: int
    labels: dict[str, int]
    left_out: dict[str, int]
    groups: int
    nll: float
    parent_nll: float
    gain: float
    gain_error: float
    log_head: str

    def __post_init__(self) -> None:
        if not self.ancestors:
            raise ValueError("a recalibrated bundle names its parent's hash")
