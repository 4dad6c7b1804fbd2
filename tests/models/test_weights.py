from __future__ import annotations

import io
import pickle
from pathlib import Path

import pytest
import torch

from labeltool.errors import ModelError
from labeltool.models.weights import (
    choose_device,
    file_sha256,
    load_into,
    model_of,
    read_checkpoint,
    read_published,
    write_checkpoint,
)


def test_round_trip_keeps_tensors_description_and_hash(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    tensors = {"w": torch.arange(6.0).reshape(2, 3), "n": torch.tensor(3)}
    digest = write_checkpoint(path, tensors, {"model": "m", "skeleton": ["a"]})
    checkpoint = read_checkpoint(path)
    assert checkpoint.description == {"model": "m", "skeleton": ["a"]}
    assert torch.equal(checkpoint.tensors["w"], tensors["w"])
    assert checkpoint.sha256 == digest == file_sha256(path)


def test_half_stores_floats_as_fp16_and_integers_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    write_checkpoint(path, {"w": torch.ones(3), "n": torch.tensor(70_000)}, {}, half=True)
    tensors = read_checkpoint(path).tensors
    assert tensors["w"].dtype == torch.float16
    assert int(tensors["n"]) == 70_000


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"\x80\x04\x95" + b"\0" * 100])
def test_damaged_files_get_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.safetensors"
    path.write_bytes(content)
    with pytest.raises(ModelError, match="not a safetensors checkpoint") as caught:
        read_checkpoint(path)
    assert str(path) in str(caught.value)


def saved(what: object, *, zipped: bool = True) -> bytes:
    data = io.BytesIO()
    torch.save(what, data, _use_new_zipfile_serialization=zipped)
    return data.getvalue()


TENSORS = {"w": torch.arange(4.0)}
UNCLEAR = "it is damaged, or holds more than tensors"


@pytest.mark.parametrize("zipped", [True, False])
def test_published_files_of_both_forms_are_read(tmp_path: Path, zipped: bool) -> None:
    path = tmp_path / "a.pth"
    path.write_bytes(saved(TENSORS, zipped=zipped))
    read = read_published(path)
    assert torch.equal(read.tensors["w"], TENSORS["w"]) and list(read.tensors) == ["w"]
    assert read.description == {} and read.sha256 == file_sha256(path)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it is empty"),
        (b'{"images": [], "annotations": []}', """it begins with '{"images": [], "'"""),
        (b"The weights are elsewhere.\n", "it begins with 'The weights are '"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", r"it begins with '\xff\xd8\xff\xe0\x00\x10JFIF'"),
        (saved(TENSORS)[:-200], UNCLEAR),
        (saved(TENSORS, zipped=False)[:-9], UNCLEAR),
        (saved(TENSORS, zipped=False)[:60], UNCLEAR),
        (saved(torch.nn.Linear(2, 2)), UNCLEAR),
        (pickle.dumps([1, 2], protocol=4), UNCLEAR),
        (b"\x80\x02.", UNCLEAR),
    ],
    ids=[
        "empty",
        "json",
        "text",
        "photo",
        "cut short",
        "old, cut short",
        "old, its start",
        "a module",
        "pickle",
        "bare",
    ],
)
def test_a_file_that_is_no_weights_is_one_line_that_says_what_it_is(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "x.pth"
    path.write_bytes(content)
    with pytest.raises(ModelError) as caught:
        read_published(path)
    assert str(caught.value) == f"{path}: not a weights file: {why}, expected .safetensors or torchvision's .pth"


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ([1, 2], "holds list, expected tensors by name"),
        ({"model": TENSORS, "epoch": 3}, "'model' is dict, expected tensors by name and nothing else"),
    ],
)
def test_a_file_of_other_things_than_weights(tmp_path: Path, what: object, message: str) -> None:
    path = tmp_path / "x.pth"
    torch.save(what, path)
    with pytest.raises(ModelError) as caught:
        read_published(path)
    assert str(caught.value) == f"{path}: {message}"


def test_published_weights_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"x.pth: weights cannot be read: No such file"):
        read_published(tmp_path / "x.pth")
    with pytest.raises(ModelError, match="weights cannot be read: Is a directory"):
        read_published(tmp_path)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="No such file"):
        read_checkpoint(tmp_path / "none.safetensors")
    with pytest.raises(ModelError, match="cannot be written"):
        write_checkpoint(tmp_path / "none" / "a.safetensors", {}, {})


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"weight": torch.zeros(2, 3)}, "tensor 'bias' is missing"),
        ({"weight": torch.zeros(4, 3), "bias": torch.zeros(2)}, r"'weight' has shape \(4, 3\), expected \(2, 3\)"),
        ({"weight": torch.zeros(2, 3), "bias": torch.zeros(2), "x": torch.zeros(1)}, "'x' does not belong"),
    ],
)
def test_weights_of_the_wrong_shape(tensors: dict[str, torch.Tensor], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        load_into(torch.nn.Linear(3, 2), tensors, "file")


def test_devices() -> None:
    assert choose_device("cpu").type == "cpu"
    with pytest.raises(ModelError, match="'toaster'"):
        choose_device("toaster")


def test_a_checkpoint_says_of_which_model_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    write_checkpoint(path, {"a": torch.zeros(1)}, {"model": "heatmap"})
    assert model_of(path) == "heatmap"
    write_checkpoint(path, {"a": torch.zeros(1)}, {})
    with pytest.raises(ModelError, match="does not say of which model it is"):
        model_of(path)
