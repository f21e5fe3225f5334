"""What TAB offers."""

from __future__ import annotations

import pytest

from edge_run.backends import AUTO, BACKENDS
from toy import edge_run


@pytest.fixture
def complete(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    def run(*words: str) -> list[str]:
        monkeypatch.setenv("_EDGE_RUN_COMPLETE", "complete_bash")
        monkeypatch.setenv("COMP_WORDS", " ".join(("edge-run", *words)))
        monkeypatch.setenv("COMP_CWORD", str(len(words)))
        return edge_run(capsys).out.split()

    return run


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("predict", "--bundle", "ct"), ["ct-covid"]),
        (("predict", "--backend", ""), [AUTO, *BACKENDS]),
        (("predict", "--precision", "int8-t"), ["int8-trt", "int8-trt-fp16"]),
        (("export", "RUN", "DATA", "--precision", "fp32,int8-c"), ["fp32,int8-cpu"]),
        (("train", "DATA", "--balance", ""), ["loss", "none"]),
        (("train", "DATA", "--members", "resnet18,g"), ["resnet18,googlenet"]),
        (("evaluate", "RUN", "DATA", "--split", "t"), ["train", "test"]),
        (("verify", "ct"), ["ct-covid"]),
        (("bench", "--backend", "cpu,op"), ["cpu,openvino"]),
        (("ver",), ["verify"]),
        (("cases", "p"), ["purge"]),
    ],
)
def test_tab(complete, words, offered) -> None:
    assert complete(*words) == offered
