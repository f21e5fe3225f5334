"""Log answers and print the id of each once it is acknowledged: ``writer.py LOG COUNT [BYTES]``.

With ``BYTES``, no file may grow beyond them: a disk that is full.
"""

import resource
import sys
from pathlib import Path

from edge_run.cases import CaseLog, CaseLogError
from edge_run.voting.prediction import Decision, MemberVote, Prediction, Source

SAID = {"covid": 0.9, "non_covid": 0.1}
VOTE = MemberVote("resnet18", "resnet18", 1.0, "covid", 0.9, SAID, (1.0, -1.0))
ANSWER = Prediction(
    "scan.png",
    Decision("covid", 0.9, SAID, None, (), (VOTE,), {"score": 0.9}),
    Source("toy", "b" * 64, "fp32", "cpu", "0.2.0"),
    "5" * 64,
    (),
    {"read": 1.0, "infer": 2.0},
)


def main(path, count, most_bytes=None):
    if most_bytes is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(most_bytes), int(most_bytes)))
    with CaseLog.open(Path(path)) as log:
        for _ in range(int(count)):
            try:
                sys.stdout.write(f"{log.append(ANSWER)}\n")
            except CaseLogError as error:
                sys.stdout.write(f"{error.message} | {error.hint}\n")
                return
            finally:
                sys.stdout.flush()


main(*sys.argv[1:])
