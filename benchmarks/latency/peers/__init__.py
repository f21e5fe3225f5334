"""What a user would pick instead, each in the forms that its own documentation calls fast, and how fast it could be.

A module of `MODULES` has ``forms(material)``; it imports its library only when one of its forms is opened.
"""

from __future__ import annotations

from benchmarks.latency.peers.form import Form, Opened, open_form
from benchmarks.latency.peers.material import Material

__all__ = ["MODULES", "Form", "Material", "Opened", "open_form"]

MODULES = ("ours", "openvino", "ort", "pytorch", "compiled", "limit")
