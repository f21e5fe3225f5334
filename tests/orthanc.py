"""A real Orthanc with DICOMweb on loopback, in a temporary folder, for tests."""

from __future__ import annotations

import http.client
import json
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from typing_extensions import Self

PLUGINS = ("/usr/share/orthanc/plugins", "/usr/lib/orthanc")
START_S = 60


class Orthanc:
    """An archive that keeps what it gets until it is closed; skips the test where it is not installed.

    Attributes
    ----------
    port
        Of DICOM; its AE title is ORTHANC.
    web
        Root of its DICOMweb service.
    """

    def __init__(self, folder: Path) -> None:
        program = shutil.which("Orthanc") or shutil.which("orthanc")
        plugin = next((p for d in PLUGINS for p in sorted(Path(d).glob("libOrthancDicomWeb.so*"))), None)
        if program is None or plugin is None:
            pytest.skip("Orthanc with DICOMweb is not installed (Debian: orthanc, orthanc-dicomweb)")
        self.port, self.http_port = _free_port(), _free_port()
        self.web = f"http://127.0.0.1:{self.http_port}/dicom-web"
        folder.mkdir(parents=True, exist_ok=True)
        config = folder / "orthanc.json"
        config.write_text(json.dumps(self._config(folder, plugin)))
        self._output = (folder / "output").open("wb")
        self._process = subprocess.Popen([program, str(config)], stdout=self._output, stderr=self._output)
        try:
            self._wait()
        except BaseException:
            self.close()
            raise

    def _config(self, folder: Path, plugin: Path) -> dict[str, Any]:
        return {
            "Name": "test",
            "StorageDirectory": str(folder / "db"),
            "IndexDirectory": str(folder / "db"),
            "Plugins": [str(plugin)],
            "HttpPort": self.http_port,
            "DicomPort": self.port,
            "DicomAet": "ORTHANC",
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": False,
            "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
        }

    def _wait(self) -> None:
        until = time.monotonic() + START_S
        while True:
            try:
                self.rest("GET", "/system")
            except OSError:
                assert self._process.poll() is None, "Orthanc ended"
                assert time.monotonic() < until, "Orthanc does not start"
                time.sleep(0.05)
            else:
                return

    def rest(self, method: str, path: str, body: object = None) -> Any:
        """Ask its REST interface; JSON becomes objects, anything else stays bytes."""
        connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=30)
        try:
            content = body if isinstance(body, bytes) or body is None else json.dumps(body)
            connection.request(method, path, content)
            answer = connection.getresponse()
            data = answer.read()
        finally:
            connection.close()
        assert answer.status == 200, (answer.status, data)
        try:
            return json.loads(data)
        except ValueError:
            return data

    def instance(self, sop_uid: str) -> str:
        """Orthanc's own name of an instance."""
        (found,) = [one for one in self.rest("POST", "/tools/lookup", sop_uid.encode()) if one["Type"] == "Instance"]
        return str(found["ID"])

    def clear(self) -> None:
        """Delete everything."""
        for patient in self.rest("GET", "/patients"):
            self.rest("DELETE", f"/patients/{patient}")

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(20)
        self._output.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
