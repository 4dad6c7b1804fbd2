from __future__ import annotations

import sys
import tarfile
import urllib.error
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from labeltool.errors import ModelError
from labeltool.models.backbones import features_at, normalisation, published_backbone
from labeltool.models.blaze_encoder import CHANNELS, DIGESTS, NAMES, BlazeEncoder, published, read_encoder
from labeltool.models.heatmap import HeatmapConfig, HeatmapNetwork
from labeltool.skeleton import LSP_14


@pytest.mark.parametrize(("name", "parameters"), [("blazepose_full", 1_599_848), ("blazepose_heavy", 10_463_800)])
def test_features_are_of_the_strides(name: str, parameters: int) -> None:
    encoder = features_at(name, (4, 8, 16, 32))
    assert isinstance(encoder, BlazeEncoder)
    with torch.inference_mode():
        features = encoder.eval()(torch.zeros(2, 3, 64, 96))
    assert [tuple(f.shape) for f in features] == [(2, CHANNELS, 64 // s, 96 // s) for s in (4, 8, 16, 32)]
    assert encoder.feature_info.channels() == [CHANNELS] * 4 and encoder.feature_info.reduction() == [4, 8, 16, 32]
    # as many as lead to the maps in MediaPipe's file
    assert sum(p.numel() for p in encoder.parameters()) == parameters


def test_photos_stay_as_they_are() -> None:
    assert {normalisation(name) for name in NAMES} == {(0.0, 1.0)}


def test_some_strides_alone() -> None:
    coarse = BlazeEncoder("blazepose_full", (8, 16, 32))
    whole = BlazeEncoder("blazepose_full")
    left_out = whole.state_dict().keys() - coarse.state_dict().keys()
    assert {name.split(".")[0] for name in left_out} == {"side4"}
    coarse.load_state_dict({k: v for k, v in whole.state_dict().items() if k not in left_out})
    photo = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        for a, b in zip(coarse(photo), whole(photo)[1:], strict=True):
            torch.testing.assert_close(a, b)
    for strides in ((2, 4), (8, 4), ()):
        with pytest.raises(ModelError, match=r"backbone 'blazepose_full': .*expected some of 4, 8, 16, 32"):
            features_at("blazepose_full", strides)


def test_a_heatmap_network_on_it_freezes_up_to_stride_8() -> None:
    network = HeatmapNetwork(HeatmapConfig(LSP_14, backbone="blazepose_full", side=64, channels=16))
    network.freeze()
    frozen = {name.split(".")[0] for name, p in network.backbone.named_parameters() if not p.requires_grad}
    assert frozen == {"stem", "stage4", "side4", "stage8"}
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in network.backbone.modules())


def test_a_download_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))

    def no_network(*_: object, **__: object) -> None:
        raise urllib.error.URLError("no network")

    def package(content: bytes | None) -> Any:
        def download(url: str, to: str, *, progress: bool) -> None:
            assert progress
            if content is None:
                Path(to).write_bytes(b"no archive")
                return
            (tmp_path / "content").write_bytes(content)
            with tarfile.open(to, "w:gz") as files:
                files.add(tmp_path / "content", "package/pose_landmark_heavy.tflite")

        return download

    for download, expected in (
        (
            no_network,
            r"cannot be downloaded \(no network\): fetch https://.*put pose_landmark_heavy",
        ),
        (package(None), "the download is damaged"),
        (package(b"other weights"), "is another than expected"),
    ):
        monkeypatch.setattr(torch.hub, "download_url_to_file", download)
        with pytest.raises(ModelError, match=expected):
            published("blazepose_heavy")
        assert list((tmp_path / "hub" / "checkpoints").iterdir()) == []


@pytest.mark.parametrize("name", NAMES)
def test_the_published_encoder_gives_mediapipes_maps(name: str) -> None:
    """The encoder with the weights out of the file, and the file run by LiteRT, agree on every map."""
    pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is not installed (labeltool[blazepose])")
    from ai_edge_litert.interpreter import Interpreter

    try:
        file = published(name)
    except ModelError as error:
        pytest.skip(f"BlazePose's weights are not here: {error}")
    start = published_backbone(name)
    assert start.sha256 == DIGESTS[name]
    encoder = BlazeEncoder(name)
    encoder.load_state_dict(dict(start.tensors))
    photo = np.random.default_rng(0).random((1, 256, 256, 3), np.float32)
    network = Interpreter(str(file))
    network.allocate_tensors()
    network.set_tensor(network.get_input_details()[0]["index"], photo)
    network.invoke()
    maps = next(o["index"] for o in network.get_output_details() if tuple(o["shape"]) == (1, 64, 64, 39))
    theirs = network.get_tensor(maps)[0].reshape(-1, 39)
    with torch.inference_mode():
        fine, *coarser = reversed(encoder.eval()(torch.from_numpy(photo).permute(0, 3, 1, 2)))
        for feature in coarser:
            fine = functional.interpolate(fine, scale_factor=2, mode="bilinear") + feature
    ours = fine[0].flatten(1).T.numpy()
    # MediaPipe's last layer, which is not the encoder's, is linear in these features
    with_one = np.concatenate([ours, np.ones((len(ours), 1), np.float32)], axis=1)
    layer, *_ = np.linalg.lstsq(with_one, theirs, rcond=None)
    assert np.abs(with_one @ layer - theirs).max() < 1e-3 * np.abs(theirs).max()
    other = next(n for n in NAMES if n != name)
    with pytest.raises(ModelError, match=rf"(47|89) convolutions where (47|89) were expected: not {other}"):
        read_encoder(file, other)


def test_files_that_hold_no_encoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is not installed (labeltool[blazepose])")
    (tmp_path / "text.tflite").write_text("text")
    with pytest.raises(ModelError, match=r"text\.tflite: not a TensorFlow Lite model"):
        read_encoder(tmp_path / "text.tflite", "blazepose_full")
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    with pytest.raises(ModelError, match=r"pip install 'labeltool\[blazepose\]'"):
        read_encoder(tmp_path / "text.tflite", "blazepose_full")
