"""Building a COCO document from the images and people that a foreign format names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from labeltool.coco.derive import BOX_AREA_FACTOR, FROM_BOX, box_from_joints
from labeltool.coco.document import CocoDocument
from labeltool.errors import FormatError, PhotoError
from labeltool.formats.imported import Imported
from labeltool.formats.ledger import Ledger
from labeltool.images import upright_sizes
from labeltool.skeleton import Skeleton

Number = int | float


class DocumentBuilder:
    """Collects images and people, numbers them, and derives what the format does not say.

    What a document says that a format may not:
    - **Box**: the extent of the labelled joints, inside the image; the whole image where no joint is labelled.
    - **Area**: 0.53 x w x h of the box, said in `area_source`.
    - **num_keypoints**: always counted. A joint with v = 0 has x = y = 0; coordinates that are thrown away are noted.
    """

    def __init__(self, source: Path, skeleton: Skeleton, ledger: Ledger, images: Path | None = None) -> None:
        """Starts an empty document.

        Args:
            source: the file that is read, for messages.
            skeleton: the joints of its people, in the order of their keypoints.
            ledger: takes notes of whatever is derived or left out.
            images: the folder of the photos, for formats without image sizes.
        """
        self.source = Path(source)
        self.skeleton = skeleton
        self.ledger = ledger
        self.images_dir = None if images is None else Path(images)
        self._images: list[dict[str, Any]] = []
        self._sizes: dict[int, tuple[int, int]] = {}
        self._annotations: list[dict[str, Any]] = []
        self._problems: dict[int, str] = {}

    def image(self, file_name: str, width: Any, height: Any, **extra: Any) -> int:
        """Adds an image of known size and returns its id.

        Raises:
            FormatError: a side is no positive integer.
        """
        for name, side in (("width", width), ("height", height)):
            if type(side) is not int or side <= 0:
                raise FormatError(
                    f"{self.source}: image {file_name!r}: {name} is {side!r}, expected a positive integer"
                )
        number = len(self._images) + len(self._problems) + 1
        self._images.append({"id": number, "file_name": file_name, "width": width, "height": height, **extra})
        self._sizes[number] = (width, height)
        return number

    def photos(self, names: Sequence[str], extra: Mapping[str, Mapping[str, Any]] | None = None) -> dict[str, int]:
        """Adds images whose size only their photos know; returns the id by name, without those that cannot be opened.

        Raises:
            FormatError: no folder of photos is known, or it holds none of them.
        """
        if self.images_dir is None:
            raise FormatError(
                f"{self.source}: the format has no image sizes, expected the folder of the photos (--images)"
            )
        if not self.images_dir.is_dir():
            raise FormatError(f"{self.images_dir}: no such folder of photos")
        ids: dict[str, int] = {}
        first: PhotoError | None = None
        for name, size in zip(names, upright_sizes(self.images_dir, names), strict=True):
            if isinstance(size, PhotoError):
                first = first or size
                self.ledger.add("{n} photo{s} could not be opened and were left out with the people in them", name)
                self._problems[len(self._images) + len(self._problems) + 1] = str(size)
            else:
                ids[name] = self.image(name, *size, **(extra or {}).get(name, {}))
        if names and not ids:
            raise FormatError(
                f"{self.images_dir}: none of the {len(names):,} photos of {self.source.name} can be opened here: {first}"
            )
        return ids

    def size(self, image: int) -> tuple[int, int]:
        """(width, height) of an image that was added."""
        return self._sizes[image]

    def person(
        self,
        image: int,
        keypoints: Sequence[Number],
        box: Sequence[Number] | None = None,
        *,
        area: Number | None = None,
        crowd: bool = False,
        extra: Mapping[str, Any] | None = None,
    ) -> int:
        """Adds a person and returns the annotation's id.

        Args:
            image: the id of the image.
            keypoints: x, y, v for each joint of the skeleton; v is 0, 1 or 2.
            box: [x, y, w, h], or None to take it from the joints.
            area: the area in pixels, or None to take it from the box.
            crowd: whether the annotation is a crowd region.
            extra: further fields, kept as they are.
        """
        number = len(self._annotations) + 1
        values: list[Number] = []
        labelled = 0
        for k in range(0, len(keypoints), 3):
            x, y, v = keypoints[k : k + 3]
            if v > 0:
                labelled += 1
                values += (x, y, int(v))
                continue
            values += (0, 0, 0)
            if x != 0 or y != 0:
                self.ledger.add(
                    "{n} joint{s} not labelled had coordinates, which were left out",
                    f"annotation {number} {self.skeleton.joints[k // 3]}",
                )
        annotation: dict[str, Any] = {
            "id": number,
            "image_id": image,
            "category_id": 1,
            "keypoints": values,
            "num_keypoints": labelled,
            "bbox": list(box) if box is not None else self._box(image, values, number),
        }
        if area is None:
            annotation["area"] = BOX_AREA_FACTOR * (annotation["bbox"][2] * annotation["bbox"][3])
            annotation["area_source"] = FROM_BOX
        else:
            annotation["area"] = area
        annotation |= {"iscrowd": int(crowd), "segmentation": [], **(extra or {})}
        self._annotations.append(annotation)
        return number

    def finish(self, root: Path | None = None) -> Imported:
        """The document with its notes; `root` is the folder of its photos, by default the one given or the file's own."""
        data = {
            "images": self._images,
            "annotations": self._annotations,
            "categories": [self.skeleton.to_category()],
        }
        folder = root or self.images_dir or (self.source if self.source.is_dir() else self.source.parent)
        return Imported(
            CocoDocument(data, str(self.source)), folder, self.skeleton, self.ledger.notes(), dict(self._problems)
        )

    def _box(self, image: int, values: Sequence[Number], number: int) -> list[float]:
        width, height = self._sizes[image]
        box = box_from_joints([values[k : k + 2] for k in range(0, len(values), 3)], values[2::3], width, height)
        if box is None:
            self.ledger.add(
                "{n} people without a box or a labelled joint got the whole image as their box", f"annotation {number}"
            )
            return [0.0, 0.0, float(width), float(height)]
        self.ledger.add("{n} boxes were taken from the labelled joints", f"annotation {number}")
        return box


def fixed_skeleton(source: Path, what: str, own: Skeleton, asked: Skeleton | None) -> Skeleton:
    """The skeleton of a format that has but one.

    Raises:
        FormatError: another one was asked for.
    """
    if asked is not None and asked.joints != own.joints:
        raise FormatError(f"{source}: {what} labels have the skeleton {own.name}, not {asked.name}")
    return own


def named_skeleton(
    joints: Sequence[str], limbs: Sequence[tuple[str, str]], asked: Skeleton | None, source: Path
) -> Skeleton:
    """The skeleton of a file that names its joints: the one asked for, a built-in with these joints, or a new one.

    The order is the asked or built-in skeleton's when the joints are the same but stand in another order.

    Raises:
        FormatError: the joints are not those asked for.
        SkeletonError: the names are no skeleton.
    """
    from labeltool.skeleton import BUILT_IN, define

    if asked is not None:
        strangers = [joint for joint in joints if joint not in asked.joints]
        if strangers:
            raise FormatError(
                f"{source}: joint {strangers[0]!r} is none of skeleton {asked.name!r}, expected {', '.join(asked.joints)}"
            )
        return asked
    for known in BUILT_IN.values():
        if set(known.joints) == set(joints):
            return define(known.name, known.joints, limbs or known.limbs) if limbs else known
    return define("person", list(joints), list(limbs))
