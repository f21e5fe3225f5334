"""Cases by scan, by accession number, and of older logs."""

import hashlib
import json

from edge_run.cases import of_accession, of_scan, reading
from edge_run.cases.hashing import link


def test_cases_of_a_scan(log, answer):
    wanted = hashlib.sha256(b"scan").hexdigest()
    made = [log.append(answer(0.6 + n / 10, scan=scan)) for n, scan in enumerate((wanted, "5" * 64, wanted))]
    assert [case["id"] for case in of_scan(log, wanted)] == [made[0], made[2]]
    assert of_scan(log, "6" * 64) == []


def test_cases_of_an_accession_number_which_is_not_in_the_file(log, answer, path):
    number = "ACC-2026-0042"
    made = [log.append(answer(), accession=number), log.append(answer()), log.append(answer(), accession=f" {number} ")]
    assert [case["id"] for case in of_accession(log, number)] == [made[0], made[2]]
    assert of_accession(log, "ACC-2026-0043") == []
    first, second, third = (case.get("accession") for case in reading.cases(log))
    assert second is None
    assert first != third
    log.close()
    plain = hashlib.sha256(number.encode()).hexdigest().encode()
    for file in path.parent.glob("cases.sqlite*"):
        assert number.encode() not in file.read_bytes()
        assert plain not in file.read_bytes()


def test_member_of_an_older_log_gets_its_networks_name_as_id(log, answer):
    log.append(answer())
    previous = log.head()
    entry = json.loads(log.connection.execute("SELECT entry FROM entries").fetchone()[0])
    for member in entry["members"]:
        del member["id"]
    text = json.dumps(entry | {"seq": 2})
    log.connection.execute("INSERT INTO entries VALUES (2, ?, ?)", (text, link(previous.hash, text)))
    assert [case["members"][0]["id"] for case in reading.cases(log)] == ["resnet18", "resnet18"]


def test_newest_first_skips_what_is_damaged(log, answer):
    made = [log.append(answer(flags=("blank",) if n % 2 else ())) for n in range(6)]
    log.connection.execute("UPDATE entries SET entry = replace(entry, '\"utc\"', '\"utx\"') WHERE seq = 5")
    damaged: list[int] = []
    assert [case["id"] for case in reading.newest(log, 2, damaged=damaged)] == [made[5], made[3]]
    assert damaged == [5]
    assert [case["id"] for case in reading.newest(log, 9, flagged=True)] == [made[5], made[3], made[1]]
