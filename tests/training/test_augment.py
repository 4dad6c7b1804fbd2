from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from labeltool.skeleton import LSP_14
from labeltool.training.augment import PLAIN, Augmentation, batch
from labeltool.training.samples import Samples

SIZE, KEPT = 64, 96
COLOURS = np.random.default_rng(3).integers(140, 255, (14, 3))


def dotted(count: int = 6, seed: int = 0) -> Samples:
    """People whose joints are bright dots of one colour a joint on grey, so that a view shows where each joint went."""
    rng = np.random.default_rng(seed)
    crops = np.full((count, KEPT, KEPT, 3), 60, np.uint8)
    xy = rng.uniform(34, 62, (count, 14, 2)).round()
    for n in range(count):
        for k in range(14):
            x, y = xy[n, k].astype(int)
            crops[n, y - 1 : y + 2, x - 1 : x + 2] = 255
    v = np.full((count, 14), 2, np.int8)
    return Samples(crops, xy.astype(np.float32), v, np.full(count, 48, np.float32))


def test_plain_view_is_the_crop_of_the_padded_box() -> None:
    samples = dotted()
    views, joints, labelled = batch(
        samples, torch.arange(6), LSP_14, size=SIZE, padding=1.25, augmentation=PLAIN, generator=torch.Generator()
    )
    assert views.shape == (6, 3, SIZE, SIZE)
    assert labelled.all()
    expected = (samples.xy - (KEPT - 1) / 2) / (48 * 1.25)
    assert np.allclose(joints.numpy(), expected, atol=1e-5)


def test_joints_follow_the_picture_through_every_change() -> None:
    samples = dotted()
    wild = Augmentation(rotation=180, rotated=1, scale=1.3, shift=0.1, flip=0.5, tint=0, occlusion=0)
    for seed in range(5):
        views, joints, labelled = batch(
            samples,
            torch.arange(6),
            LSP_14,
            size=SIZE,
            padding=1.25,
            augmentation=wild,
            generator=torch.Generator().manual_seed(seed),
        )
        places = ((joints + 0.5) * SIZE - 0.5).round().long()
        inside = labelled & (places >= 0).all(dim=2) & (places < SIZE).all(dim=2)
        assert inside.float().mean() > 0.8
        for n, k in inside.nonzero().tolist():
            x, y = places[n, k].tolist()
            assert views[n, :, y, x].min() > 120, (seed, n, k)


def test_mirroring_changes_left_and_right() -> None:
    samples = dotted()
    mirror = replace(PLAIN, flip=1)
    args = {"size": SIZE, "padding": 1.25, "generator": torch.Generator()}
    _, plain, _ = batch(samples, torch.arange(6), LSP_14, augmentation=PLAIN, **args)  # type: ignore[arg-type]
    _, mirrored, _ = batch(samples, torch.arange(6), LSP_14, augmentation=mirror, **args)  # type: ignore[arg-type]
    left, right = LSP_14.index("left_wrist"), LSP_14.index("right_wrist")
    assert torch.allclose(mirrored[:, right, 0], -plain[:, left, 0], atol=1e-5)
    assert torch.allclose(mirrored[:, right, 1], plain[:, left, 1], atol=1e-5)


def test_unlabelled_and_far_joints_do_not_count() -> None:
    samples = dotted()
    samples.v[:, 0] = 0
    samples.xy[:, 1] = 5000
    _, _, labelled = batch(
        samples, torch.arange(6), LSP_14, size=SIZE, padding=1.25, augmentation=PLAIN, generator=torch.Generator()
    )
    assert not labelled[:, :2].any() and labelled[:, 2:].all()


def test_the_same_seed_gives_the_same_views() -> None:
    samples = dotted()
    first, second = (
        batch(
            samples,
            torch.arange(6),
            LSP_14,
            size=SIZE,
            padding=1.25,
            augmentation=Augmentation(),
            generator=torch.Generator().manual_seed(5),
        )
        for _ in range(2)
    )
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
