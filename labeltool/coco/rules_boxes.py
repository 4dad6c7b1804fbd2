"""Rules B401-B409: box, area, crowd flag and outline."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labeltool.coco.columns import equal_to
from labeltool.coco.derive import segmentation_problem
from labeltool.coco.findings import Hits, at, rule
from labeltool.coco.finite import is_finite_number
from labeltool.coco.show import MISSING, show
from labeltool.coco.view import View

# Boxes of real files come within a rounding of the image's edge.
_EDGE = 1e-3
_TIGHT = 1e-3


@rule("B401", "error", "write [x, y, width, height] in pixels")
def bbox_present(view: View) -> Iterator[Hits]:
    """`bbox` is present and is four finite numbers: x, y of the top left corner, width, height.

    pycocotools stops with a KeyError where it is missing.

    Bad: `"bbox": [10, 20, 30]`
    Good: `"bbox": [10, 20, 30, 40]`
    """
    values = view.annotations.column("bbox")
    rows = np.flatnonzero(np.isnan(view.boxes).any(axis=1))
    yield at(view.annotations, rows, lambda i: _box_text(values[i]))


@rule("B402", "error", "write a width and height greater than 0, or draw the box anew")
def bbox_positive(view: View) -> Iterator[Hits]:
    """The width and height of `bbox` are greater than 0.

    A side below one pixel is a warning where nobody is labelled: COCO's own training file has boxes of height 0.

    Bad: `"bbox": [10, 20, -5, 40]`
    Good: `"bbox": [10, 20, 5, 40]`
    """
    shorter = view.boxes[:, 2:].min(axis=1) if len(view.boxes) else np.zeros(0)
    bad = (shorter < 0) | ((shorter == 0) & (view.labelled > 0))
    small = ~bad & (shorter < 1)

    def text(i: int) -> str:
        return f"bbox is {_numbers(view, i)}, expected width and height > 0"

    def small_text(i: int) -> str:
        return f"bbox is {_numbers(view, i)}, a side below one pixel"

    yield at(view.annotations, np.flatnonzero(bad), text)
    hint = "draw the box anew if it is a person's"
    yield at(view.annotations, np.flatnonzero(small), small_text, severity="warning", hint=hint)


@rule("B403", "warning", "clip the box to the image")
def bbox_in_image(view: View) -> Iterator[Hits]:
    """`bbox` lies in the image.

    More than one pixel outside is an error; the usual cause is [x1, y1, x2, y2] written where [x, y, width, height] belongs.

    Bad: `"bbox": [400, 100, 600, 300]` in an image 640 x 480
    Good: `"bbox": [400, 100, 200, 200]` in an image 640 x 480
    """
    boxes, sizes = view.boxes, view.sizes
    beyond = np.maximum(-boxes[:, :2], boxes[:, :2] + boxes[:, 2:] - sizes).max(axis=1, initial=-np.inf)
    beyond = np.where(~np.isnan(beyond) & (boxes[:, 2:] >= 0).all(axis=1), beyond, 0.0)
    corners = (
        (boxes[:, 2:] > boxes[:, :2]).all(axis=1) & (boxes >= 0).all(axis=1) & (boxes[:, 2:] <= sizes + 1).all(axis=1)
    )

    def text(i: int) -> str:
        width, height = sizes[i]
        return f"bbox {_numbers(view, i)} reaches {beyond[i]:.3g} px out of the {width:.0f} x {height:.0f} image"

    far = beyond > 1
    yield at(view.annotations, np.flatnonzero(far & ~corners), text, severity="error")
    hint = "looks like [x1, y1, x2, y2]: write [x, y, width, height]"
    yield at(view.annotations, np.flatnonzero(far & corners), text, severity="error", hint=hint)
    yield at(view.annotations, np.flatnonzero((beyond > _EDGE) & ~far), text)


@rule("B404", "warning", "draw a box round the whole person, or keep in mind that areas are too small")
def bbox_not_from_joints(view: View) -> Iterator[Hits]:
    """`bbox` is a person's box, not the extent of the joints that an exporter put in its place.

    The joints end at ankles, wrists and eyes: such a box is smaller than the person, and every area taken from it as well.

    Bad: `"keypoints": [10, 20, 2, 30, 60, 2, 20, 40, 2], "bbox": [10, 20, 20, 40]`
    Good: `"keypoints": [10, 20, 2, 30, 60, 2, 20, 40, 2], "bbox": [4, 9, 33, 60]`
    """
    for group in view.joint_groups:
        boxes = view.boxes[group.rows]
        enough = group.counts >= 3
        low, high = np.where(enough[:, None], group.low, 0.0), np.where(enough[:, None], group.high, 0.0)
        corner = (np.abs(boxes[:, :2] - low) < _TIGHT).all(axis=1)
        extent = (np.abs(boxes[:, 2:] - (high - low)) < _TIGHT).all(axis=1)
        extent |= (np.abs(boxes[:, 2:] - (high - low + 1)) < _TIGHT).all(axis=1)
        bad = enough & corner & extent & ~view.crowds[group.rows]
        yield at(
            view.annotations, group.rows[bad], lambda i: f"bbox {_numbers(view, i)} is exactly the extent of the joints"
        )


@rule("B405", "error", "write the area of the outline, or 0.53 x width x height of the bbox, in pixels")
def area_positive(view: View) -> Iterator[Hits]:
    """`area` is present and finite, and greater than 1 for a person with labelled joints.

    OKS measures distances against it: with an area of 0 or 1 a joint one pixel off scores nothing (AP 0). pycocotools stops with
    a KeyError where it is missing.

    Bad: `"num_keypoints": 12, "area": 0`
    Good: `"num_keypoints": 12, "area": 8423.5`
    """
    values = view.annotations.column("area")
    unusable = np.isnan(view.areas)
    negative = view.areas < 0
    tiny = ~unusable & ~negative & (view.areas <= 1) & (view.labelled > 0)

    def text(i: int) -> str:
        if unusable[i]:
            return f"area is {show(values[i])}, expected a finite number"
        expected = "0 or more" if negative[i] else f"more than 1: {view.labelled[i]} joints are labelled"
        return f"area is {show(values[i])}, expected {expected}"

    yield at(view.annotations, np.flatnonzero(unusable | negative | tiny), text)


@rule("B406", "warning", "write the area of the person's outline; where there is none, 0.53 x width x height")
def area_not_of_box(view: View) -> Iterator[Hits]:
    """`area` is the person's area: not larger than the bbox, and not simply width x height throughout the file.

    COCO's people cover about 0.53 of their box. The area of the box makes every OKS too good: .50 reads .69.

    Bad: `"bbox": [10, 20, 30, 40], "area": 1200` for every annotation
    Good: `"bbox": [10, 20, 30, 40], "area": 655.5`
    """
    of_box = np.where((view.boxes[:, 2:] > 0).all(axis=1), view.boxes[:, 2:].prod(axis=1), np.nan)
    larger = view.areas > 1.001 * of_box

    def text(i: int) -> str:
        return f"area is {view.areas[i]:.10g}, but the bbox has only {of_box[i]:.10g}"

    yield at(view.annotations, np.flatnonzero(larger), text)
    counted = ~view.crowds & np.isfinite(of_box) & np.isfinite(view.areas)
    equal = np.abs(view.areas - of_box) <= 1e-6 * of_box
    if counted.any() and equal[counted].all():
        yield at(
            view.annotations,
            np.flatnonzero(counted),
            lambda i: f"area is {view.areas[i]:.10g}, exactly the bbox's, as for every annotation here",
        )


@rule("B407", "error", "write 0 for a person, 1 for a region of a crowd")
def iscrowd_flag(view: View) -> Iterator[Hits]:
    """`iscrowd` is present and is the integer 0 or 1.

    pycocotools stops with a KeyError where it is missing.

    Bad: `"iscrowd": false`
    Good: `"iscrowd": 0`
    """
    values = view.annotations.column("iscrowd")
    fine = set(map(type, values)) <= {int} and {0, 1}.issuperset(values)
    rows = [] if fine else [i for i, value in enumerate(values) if type(value) is not int or value not in (0, 1)]
    yield at(view.annotations, rows, lambda i: f"iscrowd is {show(values[i])}, expected 0 or 1")


@rule("B408", "warning", "make crowds RLE without joints, and people polygons")
def crowd_shape(view: View) -> Iterator[Hits]:
    """A crowd has an RLE mask and no labelled joints; a person that is no crowd has polygons.

    pycocotools tells the two apart by `iscrowd`, other tools by the kind of outline.

    Bad: `"iscrowd": 1, "segmentation": [[0, 0, 9, 0, 9, 9]]`
    Good: `"iscrowd": 1, "segmentation": {"size": [480, 640], "counts": [...]}`
    """
    flags = view.annotations.column("iscrowd")
    rle, polygon = view.columns.is_rle(), view.columns.is_polygons()
    person = equal_to(flags, 0)
    for bad, text in (
        (view.crowds & (view.labelled > 0), "a crowd with labelled joints"),
        (view.crowds & polygon, "a crowd outlined by polygons, expected RLE"),
        (person & rle, "a person outlined by RLE, expected polygons"),
    ):
        yield at(view.annotations, np.flatnonzero(bad), _saying(text))


@rule("B409", "warning", "write polygons of three or more points, an RLE of the image's size, or [] for no outline")
def segmentation_sound(view: View) -> Iterator[Hits]:
    """`segmentation` is present and sound: polygons of an even count of 6 or more numbers, or an RLE of the image's size.

    Bad: `"segmentation": [[10, 20, 30, 40]]`
    Good: `"segmentation": [[10, 20, 30, 40, 10, 40]]`, or `[]` where there is no outline
    """
    wrong: dict[int, str] = {}
    for i, outline in sorted(view.columns.outlines_to_check.items()):
        if outline is MISSING:
            wrong[i] = "segmentation is missing, expected polygons, an RLE or []"
            continue
        width, height = view.sizes[i].tolist()
        known = width == width and height == height
        problem = segmentation_problem(outline, int(width) if known else None, int(height) if known else None)
        if problem is not None:
            wrong[i] = f"segmentation: {problem}"
    yield at(view.annotations, list(wrong), lambda i: wrong[i])


def _saying(text: str) -> Callable[[int], str]:
    return lambda _: text


def _box_text(value: Any) -> str:
    if type(value) is not list:
        return f"bbox is {show(value)}, expected [x, y, width, height]"
    if len(value) != 4:
        return f"bbox has {len(value)} numbers, expected 4"
    k = next(k for k, v in enumerate(value) if not is_finite_number(v))
    return f"bbox[{k}] is {show(value[k])}, expected a finite number"


def _numbers(view: View, row: int) -> str:
    box: NDArray[np.float64] = view.boxes[row]
    return "[" + ", ".join(f"{v:.10g}" for v in box) + "]"
