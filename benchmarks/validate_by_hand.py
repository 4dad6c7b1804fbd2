"""The rules of `labeltool validate` as one writes them by hand: pycocotools' COCO and a loop over its annotations.

The rival of benchmarks/validate.py. Only what it counts is compared: for every code the number of annotations, images or
categories that break the rule, which must be what the validator counts on the same file.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from itertools import combinations
from statistics import median
from typing import Any

from labeltool.skeleton import Skeleton, from_category

_NEAR = 1e-3
_PARALLEL = (("eye", "ear"), ("shoulder", "hip"))
_CHAINS = (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"))

Point = tuple[float, float]


class ByHand:
    """Counts what is wrong with a data set of one keypoint category.

    Args:
        coco: a `pycocotools.coco.COCO`.
    """

    def __init__(self, coco: Any) -> None:
        self.coco = coco
        self.found: Counter[str] = Counter()
        self.skeletons: dict[int, Skeleton] = {i: from_category(category) for i, category in coco.cats.items()}
        self.limbs: dict[int, list[tuple[int, int]]] = {}
        for number, skeleton in self.skeletons.items():
            torso = skeleton.torso
            ends = [] if torso is None else [(skeleton.index(torso[0]), skeleton.index(torso[1]))]
            self.limbs[number] = list(dict.fromkeys(skeleton.limb_indices() + ends))
        self.ids: set[Any] = set()
        self.people: dict[int, list[dict[str, Any]]] = defaultdict(list)
        self.shares: dict[tuple[int, int], list[tuple[float, int]]] = defaultdict(list)
        self.hidden: Counter[int] = Counter()
        self.visible: Counter[int] = Counter()
        self.labelled_people = 0
        self.between = self.areas_of_boxes = self.with_box = 0

    def count(self) -> Counter[str]:
        """By code how often it is broken."""
        names: set[str] = set()
        for image in self.coco.dataset["images"]:
            self.image(image, names)
        for annotation in self.coco.dataset["annotations"]:
            self.annotation(annotation)
        self.long_limbs()
        self.same_people()
        self.whole_set()
        return self.found

    def image(self, image: dict[str, Any], names: set[str]) -> None:
        """Rules I101-I105 of one image."""
        if type(image.get("id")) is not int:
            self.found["I101"] += 1
        name = image.get("file_name")
        if not isinstance(name, str) or not name:
            self.found["I103"] += 1
        elif name in names or name.startswith("/") or "\\" in name or ".." in name.split("/"):
            self.found["I104"] += 1
        names.add(str(name))
        if not all(type(image.get(side)) is int and image[side] > 0 for side in ("width", "height")):
            self.found["I105"] += 1

    def annotation(self, annotation: dict[str, Any]) -> None:
        """The A and B rules of one annotation."""
        number = annotation.get("id")
        if type(number) is not int:
            self.found["A301"] += 1
        if number in self.ids:
            self.found["A302"] += 1
        if number == 0:
            self.found["A303"] += 1
        self.ids.add(number)
        image = self.coco.imgs.get(annotation.get("image_id"))
        category = self.coco.cats.get(annotation.get("category_id"))
        if image is None:
            self.found["A304"] += 1
        if category is None:
            self.found["A305"] += 1
        if image is None or category is None:
            return
        joints = self.joints(annotation, category)
        box = self.box(annotation, image, joints)
        self.area(annotation, box, joints)
        self.outline(annotation, image, joints)
        if joints is None:
            return
        self.places(joints, image, box)
        self.extent(joints, box, annotation)
        self.sides(joints, self.skeletons[category["id"]])
        self.lengths(joints, box, annotation)
        self.wholeness(joints, image)

    def joints(self, annotation: dict[str, Any], category: dict[str, Any]) -> list[tuple[float, float, int]] | None:
        """The joints of an annotation, None where they are not in order; rules A306-A308, A312 and A313."""
        flat = annotation.get("keypoints")
        if not isinstance(flat, list) or not all(is_number(value) for value in flat):
            self.found["A306"] += 1
            return None
        if len(flat) != 3 * len(category["keypoints"]):
            self.found["A307"] += 1
            return None
        joints = list(zip(flat[::3], flat[1::3], flat[2::3], strict=True))
        if not all(type(v) is int and 0 <= v <= 2 for _, _, v in joints):
            self.found["A308"] += 1
            return None
        labelled = sum(v > 0 for _, _, v in joints)
        said = annotation.get("num_keypoints")
        if (said == 0) != (labelled == 0):
            self.found["A313"] += 1
        elif said != labelled:
            self.found["A312"] += 1
        for k, (_, _, v) in enumerate(joints):
            if v == 1:
                self.hidden[k] += 1
            elif v == 2:
                self.visible[k] += 1
        if labelled:
            self.labelled_people += 1
            if annotation.get("iscrowd") != 1:
                self.people[annotation["image_id"]].append(annotation)
        return joints

    def box(self, annotation: dict[str, Any], image: dict[str, Any], joints: Any) -> tuple[float, ...] | None:
        """The bbox, None where it is none; rules B401-B403."""
        box = annotation.get("bbox")
        if not isinstance(box, list) or len(box) != 4 or not all(is_number(value) for value in box):
            self.found["B401"] += 1
            return None
        x, y, w, h = box
        labelled = joints is not None and any(v > 0 for _, _, v in joints)
        if min(w, h) < 1:
            self.found["B402"] += 1 if min(w, h) >= 0 or labelled else 0
        elif max(-x, -y, x + w - image["width"], y + h - image["height"]) > _NEAR:
            self.found["B403"] += 1
        return x, y, w, h

    def area(self, annotation: dict[str, Any], box: tuple[float, ...] | None, joints: Any) -> None:
        """Rules B405 and B406."""
        area: Any = annotation.get("area")
        if not is_number(area) or area < 0:
            self.found["B405"] += 1
            return
        if area <= 1 and joints is not None and any(v > 0 for _, _, v in joints):
            self.found["B405"] += 1
        if box is not None and box[2] > 0 and box[3] > 0:
            if area > 1.001 * box[2] * box[3]:
                self.found["B406"] += 1
            if annotation.get("iscrowd") != 1:
                self.with_box += 1
                self.areas_of_boxes += abs(area - box[2] * box[3]) <= 1e-6 * box[2] * box[3]

    def outline(self, annotation: dict[str, Any], image: dict[str, Any], joints: Any) -> None:
        """Rules B407-B409."""
        crowd, outline = annotation.get("iscrowd"), annotation.get("segmentation")
        if type(crowd) is not int or crowd not in (0, 1):
            self.found["B407"] += 1
        if crowd == 1:
            if joints is not None and any(v > 0 for _, _, v in joints):
                self.found["B408"] += 1
            if isinstance(outline, list) and outline:
                self.found["B408"] += 1
        elif isinstance(outline, dict):
            self.found["B408"] += 1
        if isinstance(outline, list):
            for polygon in outline:
                if not isinstance(polygon, list) or len(polygon) < 6 or len(polygon) % 2:
                    self.found["B409"] += 1
                    break
                if not all(is_number(value) for value in polygon):
                    self.found["B409"] += 1
                    break
        elif not isinstance(outline, dict) or outline.get("size") != [image["height"], image["width"]]:
            self.found["B409"] += 1
        elif isinstance(outline["counts"], list):
            if not all(type(run) is int and run >= 0 for run in outline["counts"]):
                self.found["B409"] += 1
            elif sum(outline["counts"]) != image["height"] * image["width"]:
                self.found["B409"] += 1

    def places(self, joints: list[tuple[float, float, int]], image: dict[str, Any], box: Any) -> None:
        """Rules A309-A311, A314 and A315; a person counts once for each."""
        broken: set[str] = set()
        pixels: set[tuple[int, int]] = set()
        width, height = image["width"], image["height"]
        for x, y, v in joints:
            if v == 0:
                if x != 0 or y != 0:
                    broken.add("A309")
                continue
            if x == 0 and y == 0:
                broken.add("A310")
                continue
            if max(-x, -y, x - width, y - height) > 0:
                broken.add("A311")
            pixel = round(x), round(y)
            if pixel in pixels:
                broken.add("A314")
            pixels.add(pixel)
            if box is not None and box[2] > 0 and box[3] > 0:
                bx, by, bw, bh = box
                if max(bx - x, x - bx - bw, by - y, y - by - bh) > 0.25 * max(bw, bh):
                    broken.add("A315")
        self.found.update(broken)

    def extent(self, joints: list[tuple[float, float, int]], box: Any, annotation: dict[str, Any]) -> None:
        """Rule B404."""
        there = [(x, y) for x, y, v in joints if v > 0]
        if box is None or len(there) < 3 or annotation.get("iscrowd") == 1:
            return
        left, top = min(x for x, _ in there), min(y for _, y in there)
        wide, high = max(x for x, _ in there) - left, max(y for _, y in there) - top
        if abs(box[0] - left) < _NEAR and abs(box[1] - top) < _NEAR:
            for more in (0, 1):
                if abs(box[2] - wide - more) < _NEAR and abs(box[3] - high - more) < _NEAR:
                    self.found["B404"] += 1
                    break

    def sides(self, joints: list[tuple[float, float, int]], skeleton: Skeleton) -> None:
        """Rule A316."""
        place = {name: (x, y) for name, (x, y, v) in zip(skeleton.joints, joints, strict=True) if v > 0}
        for inner, outer in _CHAINS:
            pairs = [place.get(f"{side}_{joint}") for joint in (inner, outer) for side in ("left", "right")]
            if None not in pairs and crossed(*pairs):  # type: ignore[arg-type]
                self.found["A316"] += 1
                return
        for one, other in _PARALLEL:
            pairs = [place.get(f"{side}_{joint}") for joint in (one, other) for side in ("left", "right")]
            if None not in pairs and opposite(*pairs):  # type: ignore[arg-type]
                self.found["A316"] += 1
                return

    def lengths(self, joints: list[tuple[float, float, int]], box: Any, annotation: dict[str, Any]) -> None:
        """What rule A317 needs of one person: its limbs as shares of the diagonal of the bbox."""
        if box is None or box[2] <= 0 or box[3] <= 0 or annotation.get("iscrowd") == 1:
            return
        diagonal = math.hypot(box[2], box[3])
        for a, b in self.limbs[annotation["category_id"]]:
            if joints[a][2] > 0 and joints[b][2] > 0:
                length = math.hypot(joints[a][0] - joints[b][0], joints[a][1] - joints[b][1])
                if length > 0:
                    self.shares[a, b].append((length / diagonal, annotation["id"]))

    def wholeness(self, joints: list[tuple[float, float, int]], image: dict[str, Any]) -> None:
        """Rule A318 of one person."""
        there = [(x, y) for x, y, v in joints if v > 0]
        if not there or all(x == round(x) and y == round(y) for x, y in there):
            return
        normalised = len(there) > 1 and all(0 <= x <= 1 and 0 <= y <= 1 for x, y in there)
        if normalised and image["width"] > 2 and image["height"] > 2:
            self.found["A318"] += 1
        else:
            self.between += 1

    def long_limbs(self) -> None:
        """Rule A317: limbs far longer than that limb of the others, or than the person."""
        long: set[int] = set()
        for shares in self.shares.values():
            most = 0.95
            if len(shares) >= 50:
                logs = [math.log(share) for share, _ in shares]
                middle = median(logs)
                spread = 1.4826 * median([abs(value - middle) for value in logs])
                most = min(most, math.exp(middle + max(6 * spread, math.log(2))))
            long.update(number for share, number in shares if share > most)
        self.found["A317"] += len(long)

    def same_people(self) -> None:
        """Rule D501: the people of an image against each other, by OKS both ways."""
        for people in self.people.values():
            twice: set[int] = set()
            for first, second in combinations(people, 2):
                sigmas = self.skeletons[first["category_id"]].sigmas
                a, b = first["keypoints"], second["keypoints"]
                if a == b or (oks(a, b, first["area"], sigmas) > 0.9 and oks(b, a, second["area"], sigmas) > 0.9):
                    twice.add(second["id"])
            self.found["D501"] += len(twice)

    def whole_set(self) -> None:
        """Rules A318 and B406 over the file, D502, and D503 and D504 of the one category."""
        self.found["D502"] += sum(not self.coco.imgToAnns.get(image["id"]) for image in self.coco.dataset["images"])
        if self.labelled_people >= 20 and self.between <= 0.05 * self.labelled_people:
            self.found["A318"] += self.between
        if self.with_box and self.areas_of_boxes == self.with_box:
            self.found["B406"] += self.with_box
        if self.labelled_people < 20:
            return
        total = {k: self.hidden[k] + self.visible[k] for k in range(max(map(len, self.limbs.values())))}
        hidden, visible = sum(self.hidden.values()), sum(self.visible.values())
        if not hidden or not visible:
            self.found["D503"] += 1
        elif hidden + visible >= 1000:
            share = hidden / (hidden + visible)
            used = [k for k, count in total.items() if count]
            chi = sum((self.hidden[k] - total[k] * share) ** 2 / (total[k] * share * (1 - share)) for k in used)
            self.found["D503"] += len(used) > 2 and chi / (len(used) - 1) < 2


def is_number(value: Any) -> bool:
    """Whether a value is a finite number."""
    return type(value) in (int, float) and math.isfinite(value)


def crossed(left_in: Point, right_in: Point, left_out: Point, right_out: Point) -> bool:
    """Whether both limbs would be far shorter with their outer ends exchanged."""
    now = math.dist(left_in, left_out) + math.dist(right_in, right_out)
    exchanged = math.dist(left_in, right_out) + math.dist(right_in, left_out)
    return now > 2.5 * exchanged and now - exchanged > 12


def opposite(left_a: Point, right_a: Point, left_b: Point, right_b: Point) -> bool:
    """Whether left to right points opposite ways in two pairs of a stiff part."""
    ux, uy = right_a[0] - left_a[0], right_a[1] - left_a[1]
    wx, wy = right_b[0] - left_b[0], right_b[1] - left_b[1]
    u, w = math.hypot(ux, uy), math.hypot(wx, wy)
    apart = (
        math.hypot(left_a[0] + right_a[0] - left_b[0] - right_b[0], left_a[1] + right_a[1] - left_b[1] - right_b[1]) / 2
    )
    clear = max(6.0, 0.3 * apart)
    return u > clear and w > clear and (ux * wx + uy * wy) / (u * w) < -0.8


def oks(truth: list[float], other: list[float], area: float, sigmas: Any) -> float:
    """COCO's similarity of two people, as pycocotools computes it."""
    similar, labelled = 0.0, 0
    for k, sigma in enumerate(sigmas):
        if truth[3 * k + 2] > 0:
            dx, dy = truth[3 * k] - other[3 * k], truth[3 * k + 1] - other[3 * k + 1]
            similar += math.exp(-(dx * dx + dy * dy) / (2 * (area + 2.2e-16) * (2 * sigma) ** 2))
            labelled += 1
    return similar / labelled
