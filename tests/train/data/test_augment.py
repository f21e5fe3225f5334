from __future__ import annotations

import msgspec
import numpy as np
import pytest

from edge_train.data.augment import NONE, Augmentation, augment
from edge_train.data.batches import EpochSampler, ScanDataset, loader

SCAN = np.random.default_rng(0).integers(20, 230, (40, 48), dtype=np.uint8)


def changed(settings=Augmentation(), *, seed=0, epoch=0, index=0):  # noqa: B008 - frozen
    return augment(SCAN, settings, seed=seed, epoch=epoch, index=index)


def test_same_arguments_give_the_same_bytes():
    first = changed(seed=3, epoch=2, index=1)
    changed(seed=9)
    assert np.array_equal(first, changed(seed=3, epoch=2, index=1))


@pytest.mark.parametrize("other", [{"seed": 1}, {"epoch": 1}, {"index": 1}])
def test_another_seed_epoch_or_scan_gives_another_image(other):
    assert not np.array_equal(changed(), changed(**other))


def test_input_is_not_modified_and_shape_and_type_are_kept():
    before = SCAN.copy()
    result = changed()
    assert np.array_equal(SCAN, before)
    assert result.shape == SCAN.shape
    assert result.dtype == np.uint8


def test_none_is_identity():
    assert np.array_equal(changed(NONE, seed=5, epoch=4, index=3), SCAN)


@pytest.mark.parametrize("switch", Augmentation.__struct_fields__)
def test_every_switch_does_something_alone(switch):
    value = 1.0 if switch == "flip" else getattr(Augmentation(), switch)
    assert not np.array_equal(changed(msgspec.structs.replace(NONE, **{switch: value})), SCAN)


def test_crop_enlarges_a_part_of_the_image_and_invents_nothing_beyond_its_edges():
    height, width = 64, 96
    rows, columns = np.mgrid[0:height, 0:width]
    for index in range(20):
        cropping = msgspec.structs.replace(NONE, crop=0.6)
        x = augment((2 * columns).astype(np.uint8), cropping, seed=0, epoch=0, index=index).astype(float)
        y = augment((2 * rows).astype(np.uint8), cropping, seed=0, epoch=0, index=index).astype(float)
        across = (x[0, -1] - x[0, 0]) / 2 / (width - 1)
        down = (y[-1, 0] - y[0, 0]) / 2 / (height - 1)
        assert 0.57 <= across * down <= 1.03
        assert 0.7 < across / down < 1.42


def test_flip_alone_is_an_exact_mirror():
    assert np.array_equal(changed(msgspec.structs.replace(NONE, flip=1)), SCAN[:, ::-1])


@pytest.mark.parametrize("index", range(4))
def test_levels_do_not_wrap_around(index):
    ramp = np.arange(256, dtype=np.uint8).reshape(1, 256)
    strong = msgspec.structs.replace(NONE, contrast=0.9, brightness=0.9, gamma=2)
    levels = augment(ramp, strong, seed=0, epoch=0, index=index)[0].astype(int)
    assert (np.diff(levels) >= 0).all()
    noise = msgspec.structs.replace(NONE, noise=20)
    halves = augment(np.repeat(np.array([[0], [255]], np.uint8), 64, axis=1), noise, seed=0, epoch=0, index=index)
    assert halves[0].max() < 128 < halves[1].min()


def test_scan_does_not_depend_on_what_was_read_before():
    scans = ScanDataset(np.stack([SCAN, SCAN + 1]), np.array([0, 1]), Augmentation(), seed=0)
    first, label = scans[3, 1]
    _ = scans[0, 0], scans[3, 0]
    again, _ = scans[3, 1]
    assert first.equal(again)
    assert first.shape == (1, 40, 48)
    assert label == 1


def order(epoch, *, seed=0, shuffle=True):
    sampler = EpochSampler(10, seed, shuffle=shuffle)
    sampler.set_epoch(epoch)
    return list(sampler)


def test_order_is_a_permutation_that_depends_on_seed_and_epoch_alone():
    assert order(2) == order(2)
    assert sorted(index for _, index in order(2)) == list(range(10))
    assert {epoch for epoch, _ in order(2)} == {2}
    assert [i for _, i in order(2)] != [i for _, i in order(3)]
    assert order(2) != order(2, seed=1)


@pytest.mark.parametrize(
    ("shuffle", "lengths"), [(True, [3, 3, 3]), (False, [4, 3, 3])], ids=["training", "validation"]
)
def test_processes_share_the_scans_among_them(monkeypatch, shuffle, lengths):
    whole, shares = order(1, shuffle=shuffle), []
    sampler = EpochSampler(10, 0, shuffle=shuffle)
    sampler.set_epoch(1)
    for rank in range(3):
        # Lightning joins the processes after the sampler was made.
        monkeypatch.setattr("edge_train.data.batches.process_group", lambda rank=rank: (rank, 3))
        shares.append(list(sampler))
        assert len(sampler) == len(shares[rank])
    assert [len(share) for share in shares] == lengths
    assert sorted(ticket for share in shares for ticket in share) == sorted(whole[: sum(lengths)])


@pytest.mark.parametrize(
    ("count", "options", "sizes"),
    [(9, {"augmentation": NONE}, [4, 4]), (9, {}, [4, 4, 1]), (3, {"augmentation": NONE}, [3])],
    ids=["training", "validation", "training on less than a batch"],
)
def test_last_short_batch_is_dropped_in_training_only(count, options, sizes):
    pixels, targets = np.zeros((count, 8, 8), np.uint8), np.zeros(count, np.int64)
    assert [len(labels) for _, labels in loader(pixels, targets, batch_size=4, **options)] == sizes
