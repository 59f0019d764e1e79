from __future__ import annotations

import pytest
import torch

from models.checkpoints.timm_names import renamed_from_timm


@pytest.mark.parametrize(
    ("timms", "torchvisions"),
    [
        ("conv_stem.weight", "features.0.0.weight"),
        ("bn1.running_var", "features.0.1.running_var"),
        ("blocks.0.0.conv_dw.weight", "features.1.0.block.0.0.weight"),
        ("blocks.0.1.bn1.bias", "features.1.1.block.0.1.bias"),
        ("blocks.0.1.se.conv_reduce.bias", "features.1.1.block.1.fc1.bias"),
        ("blocks.0.1.se.conv_expand.weight", "features.1.1.block.1.fc2.weight"),
        ("blocks.0.1.conv_pw.weight", "features.1.1.block.2.0.weight"),
        ("blocks.0.1.bn2.num_batches_tracked", "features.1.1.block.2.1.num_batches_tracked"),
        ("blocks.6.1.conv_pw.weight", "features.7.1.block.0.0.weight"),
        ("blocks.6.1.conv_dw.weight", "features.7.1.block.1.0.weight"),
        ("blocks.6.1.bn2.weight", "features.7.1.block.1.1.weight"),
        ("blocks.6.1.se.conv_reduce.weight", "features.7.1.block.2.fc1.weight"),
        ("blocks.6.1.se.conv_expand.weight", "features.7.1.block.2.fc2.weight"),
        ("blocks.6.1.conv_pwl.weight", "features.7.1.block.3.0.weight"),
        ("blocks.6.1.bn3.weight", "features.7.1.block.3.1.weight"),
        ("conv_head.weight", "features.8.0.weight"),
        ("bn2.bias", "features.8.1.bias"),
        ("classifier.bias", "classifier.1.bias"),
    ],
)
def test_each_module_has_its_name(timms: str, torchvisions: str) -> None:
    """Pairs as timm 1.0.31 and torchvision 0.29 name the tensors that stand at one place of both networks."""
    tensor = torch.ones(1)
    assert renamed_from_timm({timms: tensor}) == {torchvisions: tensor}


@pytest.mark.parametrize(
    "name", ["layer1.0.conv1.weight", "blocks.0.0.conv_exp.weight", "blocks.0.0.bn3.bias", "weight"]
)
def test_a_name_of_another_network_makes_it_none_of_timms(name: str) -> None:
    assert renamed_from_timm({"conv_stem.weight": torch.ones(1), name: torch.ones(1)}) is None
