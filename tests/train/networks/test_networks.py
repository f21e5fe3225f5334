from __future__ import annotations

import numpy as np
import pytest
import torch
import torchvision
from safetensors.torch import load_file

from edge_run.errors import UsageError
from edge_train import ARCHITECTURES, Member
from edge_train.fit.fit import save_state
from edge_train.networks.initial import load_trunk
from edge_train.networks.member import IMAGENET_GREY, PLUS_MINUS_ONE, Normalisation, pool

pytestmark = pytest.mark.usefixtures("one_thread")

WIDTHS = {"googlenet": 1024, "resnet18": 512, "resnet50": 2048, "resnet101": 2048}
GREY = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (2, 1, 64, 64), dtype=np.uint8))


def settle(net, batch):
    """Eval mode with the batch's statistics: an untrained network is otherwise nearly deaf to its input."""
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None
    with torch.no_grad():
        net.train()(batch)
    return net.eval()


def close(found, expected, tolerance=1e-4):
    """Within a share of what the logits differ by from scan to scan."""
    return (found - expected).abs().max() <= tolerance * (expected[0] - expected[1]).abs().max()


def replicated(mean, std):
    """Three equal channels of normalised grey."""
    return ((GREY.float() / 255).expand(-1, 3, -1, -1) - torch.tensor(mean).reshape(-1, 1, 1)) / torch.tensor(
        std
    ).reshape(-1, 1, 1)


@pytest.fixture(scope="module", params=WIDTHS)
def member(request):
    torch.manual_seed(0)
    return settle(Member(request.param, 3), GREY)


def rgb(arch, **options):
    torch.manual_seed(0)
    if arch == "googlenet":
        options = {"aux_logits": False, "init_weights": False, "transform_input": False} | options
    net = getattr(torchvision.models, arch)(weights=None, num_classes=2, **options)
    return settle(net, replicated([0.449], [0.226]))


def grey_twin(net, arch, normalisation):
    """A member with all weights of a torchvision network, head included."""
    twin = Member(arch, 2, normalisation).eval()
    load_trunk(twin, net.state_dict(), source="test")
    twin.head.load_state_dict(net.fc.state_dict())
    return twin


def test_the_four_networks_are_known():
    assert {arch: entry.width for arch, entry in ARCHITECTURES.items()} == WIDTHS
    with pytest.raises(UsageError, match="'vgg16' is unknown"):
        Member("vgg16", 2)


def test_shapes_and_the_class_activation_identity(member):
    width = WIDTHS[member.arch]
    with torch.no_grad():
        logits, features = member(GREY)
        assert logits.shape == (2, 3)
        assert features.shape == (2, width, 2, 2)
        assert (features >= 0).all()
        assert torch.equal(member.head(pool(features)), logits)
        # What makes W[c] . features exactly Grad-CAM: the logit is the mean of that map, plus the bias.
        maps = torch.einsum("cw,nwyx->ncyx", member.head.weight, features)
        assert close(maps.mean((2, 3)) + member.head.bias, logits)
    assert member.net.get_submodule(ARCHITECTURES[member.arch].stem).weight.shape == (64, 1, 7, 7)


def test_grey_levels_are_normalised_inside():
    member = Member("resnet18", 2, Normalisation(0.25, 0.5))
    grey = torch.tensor([0, 51, 255], dtype=torch.uint8).reshape(1, 1, 1, 3)
    expected = torch.tensor([-0.5, -0.1, 1.5]).reshape(1, 1, 1, 3)
    assert torch.allclose(member.normalise(grey), expected)
    assert torch.allclose(member.normalise(grey.float()), expected)


@pytest.mark.parametrize("arch", ["resnet18", "googlenet"])
def test_grey_stem_equals_rgb_stem_on_replicated_channels(arch):
    net = rgb(arch)
    twin = grey_twin(net, arch, IMAGENET_GREY)
    stem = ARCHITECTURES[arch].stem
    rgb_input = replicated([0.449], [0.226])
    with torch.no_grad():
        assert close(twin.net.get_submodule(stem)(twin.normalise(GREY)), net.get_submodule(stem)(rgb_input))
        # Rounding grows from layer to layer; a stem that were another would change the logits by their own size.
        assert close(twin(GREY)[0], net(rgb_input), tolerance=1e-2)


def test_transform_input_is_plus_minus_one():
    net = rgb("googlenet", transform_input=True)
    twin = grey_twin(net, "googlenet", PLUS_MINUS_ONE)
    with torch.no_grad():
        expected = net(replicated([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
        assert close(twin(GREY)[0], expected)
        assert not close(grey_twin(net, "googlenet", IMAGENET_GREY)(GREY)[0], expected)


def test_googlenet_saved_and_loaded_is_the_same_function(tmp_path):
    torch.manual_seed(0)
    member = settle(Member("googlenet", 2, PLUS_MINUS_ONE), GREY)
    path = tmp_path / "model.safetensors"
    save_state(member.net.state_dict(), path)
    again = Member("googlenet", 2, PLUS_MINUS_ONE).eval()
    again.net.load_state_dict(load_file(path))
    path.unlink()
    assert member.net.transform_input is False
    assert again.net.transform_input is False
    with torch.no_grad():
        assert torch.equal(member(GREY)[0], again(GREY)[0])
