from __future__ import annotations

from urllib.error import URLError

import pytest
import torch
import torchvision
from safetensors.torch import save_file

from edge_run.errors import BackendError, UsageError
from edge_train.networks.initial import build
from edge_train.networks.member import IMAGENET_GREY, PLUS_MINUS_ONE


@pytest.fixture(scope="module")
def state():
    torch.manual_seed(0)
    return torchvision.models.resnet18(weights=None, num_classes=2).state_dict()


@pytest.fixture
def folder(scratch, state):
    """A folder of starting weights; a test changes the state before it is saved."""

    def write(**changes):
        changed = {name.replace("__", "."): value for name, value in changes.items()}
        tensors = {name: value for name, value in (state | changed).items() if value is not None}
        save_file(tensors, scratch / "resnet18.safetensors")
        return str(scratch)

    return write


def test_folder_gives_the_trunk_and_sums_the_rgb_stem(folder, state):
    member = build("resnet18", 2, folder())
    assert torch.equal(member.net.conv1.weight, state["conv1.weight"].sum(dim=1, keepdim=True))
    own = member.net.state_dict()
    trunk = [n for n in own if not n.startswith(("conv1", "fc.")) and not n.endswith("num_batches_tracked")]
    assert len(trunk) > 90
    assert all(torch.equal(own[name], state[name]) for name in trunk)
    assert member.normalisation == IMAGENET_GREY


def test_grey_stem_is_taken_as_it_is(folder):
    grey = torch.randn(64, 1, 7, 7)
    assert torch.equal(build("resnet18", 2, folder(conv1__weight=grey)).net.conv1.weight, grey)


def test_head_is_fresh_even_where_the_files_would_fit(folder, state):
    path = folder()
    assert not torch.equal(build("resnet18", 2, path).head.weight, state["fc.weight"])
    assert build("resnet18", 5, path).head.weight.shape == (5, 512)


def test_none_is_random_and_follows_the_seed():
    first, second, other = (_seeded(seed) for seed in (1, 1, 2))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


def _seeded(seed):
    torch.manual_seed(seed)
    return build("resnet18", 2, "none").net.layer1[0].conv1.weight


@pytest.mark.parametrize("missing", ["nowhere", "."])
def test_missing_folder_or_file_is_refused(tmp_path, missing):
    with pytest.raises(UsageError, match=r"no starting weights at .*resnet18\.safetensors") as caught:
        build("resnet18", 2, str(tmp_path / missing))
    assert "--init" in caught.value.hint


@pytest.mark.parametrize(
    "content", [b"", b"\x80\x02}q\x00.", b"PK\x03\x04" + bytes(64)], ids=["empty", "pickle", "zip"]
)
def test_file_that_is_not_safetensors_is_refused(tmp_path, content):
    (tmp_path / "resnet18.safetensors").write_bytes(content)
    with pytest.raises(UsageError, match="not a safetensors file"):
        build("resnet18", 2, str(tmp_path))


@pytest.mark.parametrize(
    "change",
    [
        {"layer1__0__conv1__weight": None},
        {"layer1__0__conv1__weight": torch.zeros(3, 3)},
        {"bn1__bias": torch.zeros(1)},
    ],
    ids=["missing", "other rank", "other size"],
)
def test_tensors_of_another_network_are_refused(folder, change):
    with pytest.raises(UsageError, match=r"does not fit resnet18: 1 tensors .*(layer1\.0\.conv1\.weight|bn1\.bias)"):
        build("resnet18", 2, folder(**change))


def test_deeper_network_of_the_same_family_is_refused(folder):
    # ResNet-101 holds every tensor of ResNet-50, in the same shapes, and more.
    with pytest.raises(UsageError, match="does not fit"):
        build("resnet18", 2, folder(layer4__2__conv1__weight=torch.zeros(512, 512, 3, 3)))


def test_stem_of_another_rank_is_refused(folder):
    with pytest.raises(UsageError, match="does not fit"):
        build("resnet18", 2, folder(conv1__weight=torch.zeros(64)))


def test_imagenet_googlenet_expects_plus_minus_one_and_never_transforms_its_input(monkeypatch):
    # torchvision switches transform_input on when it is handed weights; a reload without them would not.
    net = torchvision.models.googlenet(weights=None, init_weights=False, aux_logits=True, transform_input=True)
    monkeypatch.setattr("edge_train.networks.initial._download", lambda _: net.state_dict())
    member = build("googlenet", 2, "imagenet")
    assert member.normalisation == PLUS_MINUS_ONE
    assert member.net.transform_input is False
    assert torch.equal(member.net.inception5b.branch1.conv.weight, net.inception5b.branch1.conv.weight)
    assert build("googlenet", 2, "none").net.transform_input is False


def test_failed_download_says_what_else_can_be_done(monkeypatch):
    class Unreachable:
        def get_state_dict(self, **_):
            raise URLError("no route to host")

    monkeypatch.setattr("torchvision.models.get_weight", lambda _: Unreachable())
    with pytest.raises(BackendError, match="no route to host") as caught:
        build("resnet18", 2, "imagenet")
    assert "--init" in caught.value.hint
