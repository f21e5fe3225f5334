"""Two processes share one training: each sees half of an epoch, and one of them writes."""

import subprocess
import sys

from edge_train import Run
from samples.dataset import write_dataset

TRAINING = """
import sys
from pathlib import Path
import torch
from edge_run.scan.preprocessing import PreprocessSpec
from edge_train import TrainConfig, default_members, train
from edge_train.data import batches

torch.set_num_threads(1)
real, seen = batches.augment, set()

def augment(pixels, settings, *, index, **options):
    if settings != batches.NONE:
        seen.add(index)
    return real(pixels, settings, index=index, **options)

batches.augment = augment
config = TrainConfig(
    members=default_members("resnet18"), init="none",
    epochs=1, batch_size=4, precision="32-true", preprocess=PreprocessSpec(size=32)
)
hardware = {"accelerator": "cpu", "devices": 2, "strategy": "ddp"}
try:
    options = {"hardware": hardware, "accept_weak_vote": True, "say": lambda text: print(text, flush=True)}
    train([Path(sys.argv[1])], Path(sys.argv[2]), config, **options)
finally:
    rank = batches.process_group()[0]
    Path(f"{sys.argv[2]}-saw-{rank}").write_text(" ".join(map(str, sorted(seen))))
"""


def test_two_processes_train_one_member(tmp_path):
    data, out, script = write_dataset(tmp_path / "scans", per_split=8), tmp_path / "run", tmp_path / "training.py"
    script.write_text(TRAINING)
    result = subprocess.run(
        [sys.executable, script, data, out], capture_output=True, text=True, check=False, timeout=300
    )
    assert result.returncode == 0, result.stderr[-2000:]
    assert Run(out).record.members[0].arch == "resnet18"
    assert result.stdout.count("fine-tuning") == 1
    halves = [{int(word) for word in (tmp_path / f"run-saw-{rank}").read_text().split()} for rank in range(2)]
    assert [len(half) for half in halves] == [8, 8]
    assert not halves[0] & halves[1]
