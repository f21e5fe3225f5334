"""Who observed: the bundle, as a device (PS3.16 TID 1004)."""

from __future__ import annotations

from highdicom.sr import DeviceObserverIdentifyingAttributes, ObserverContext
from pydicom.sr.codedict import codes as standard

from .context import MANUFACTURER, Context
from .plain import ascii_only


def observer(context: Context) -> ObserverContext:
    """Describe the bundle as the device that observed."""
    proof = context.proof
    device = DeviceObserverIdentifyingAttributes(
        uid=context.device_uid,
        name="edge-run",
        manufacturer_name=MANUFACTURER,
        model_name=ascii_only(proof.bundle),
        serial_number=proof.bundle_sha256,
    )
    return ObserverContext(observer_type=standard.DCM.Device, observer_identifying_attributes=device)
