"""CrowdPose: a COCO file with 14 joints, a `crowdIndex` an image, and no areas or outlines.

The published files carry COCO's 17-joint limbs in their category, which point past the 14 joints; they are replaced on reading.
The evaluation takes 0.53 x w x h of the box for the area.

Source: Li et al., CVPR 2019; crowdpose-api (cocoeval.py) of Jeff-sjtu/CrowdPose; the annotation files' own categories.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from labeltool.coco.derive import BOX_AREA_FACTOR, FROM_BOX
from labeltool.coco.document import CocoDocument, keypoints_of, person_category, read_document, write_document
from labeltool.coco.finite import all_finite_numbers
from labeltool.errors import CocoError, FormatError
from labeltool.formats.building import fixed_skeleton
from labeltool.formats.coco import check_structure
from labeltool.formats.imported import Imported
from labeltool.formats.ledger import Ledger
from labeltool.formats.people import converter, people_of
from labeltool.skeleton import Skeleton, define

#: The 14 joints of CrowdPose, in its order.
CROWDPOSE_14 = define(
    "crowdpose-14",
    (
        "left_shoulder",
        "right_shoulder",
        "left_elbow",
        "right_elbow",
        "left_wrist",
        "right_wrist",
        "left_hip",
        "right_hip",
        "left_knee",
        "right_knee",
        "left_ankle",
        "right_ankle",
        "head",
        "neck",
    ),
    (
        ("left_ankle", "left_knee"),
        ("left_knee", "left_hip"),
        ("right_ankle", "right_knee"),
        ("right_knee", "right_hip"),
        ("left_hip", "right_hip"),
        ("left_shoulder", "left_hip"),
        ("right_shoulder", "right_hip"),
        ("left_shoulder", "right_shoulder"),
        ("left_shoulder", "left_elbow"),
        ("right_shoulder", "right_elbow"),
        ("left_elbow", "left_wrist"),
        ("right_elbow", "right_wrist"),
        ("head", "neck"),
        ("neck", "left_shoulder"),
        ("neck", "right_shoulder"),
    ),
)


def read_crowdpose(path: Path, images: Path | None, skeleton: Skeleton | None) -> Imported:
    """A CrowdPose file as a document: all that it holds, with areas (0.53 x box) and limbs that fit its joints.

    Raises:
        CocoError: the file is no COCO document, or damaged.
        FormatError: its people have other joints than CrowdPose's.
    """
    path = Path(path)
    fixed_skeleton(path, "CrowdPose", CROWDPOSE_14, skeleton)
    document = read_document(path)
    ledger = Ledger()
    category = person_category(document)
    joints = category.get("keypoints")
    if joints != list(CROWDPOSE_14.joints):
        raise FormatError(f"{path}: category {category.get('name')!r} has other joints than CrowdPose's 14")
    limbs = category.get("skeleton")
    if limbs != (wanted := CROWDPOSE_14.to_category()["skeleton"]):
        if limbs:
            ledger.say("the category's limbs do not fit its 14 joints and were replaced by CrowdPose's")
        category = category | {"skeleton": wanted}
    categories = [category if c.get("id") == category.get("id") else c for c in document.categories]
    annotations = [_with_area(a) for a in document.annotations]
    changed = CocoDocument(document.data | {"annotations": annotations, "categories": categories}, str(path))
    check_structure(changed)
    for i, annotation in enumerate(annotations):
        try:
            keypoints_of(annotation, len(CROWDPOSE_14))
        except CocoError as error:
            raise CocoError(f"{path}: annotations[{i}]: {error}") from None
    return Imported(changed, images or path.parent, CROWDPOSE_14, ledger.notes(), {})


def write_crowdpose(document: CocoDocument, out: Path) -> tuple[str, ...]:
    """Writes the people of a document as CrowdPose; returns what it cannot hold."""
    ledger = Ledger()
    crew = people_of(document, ledger, crowds=True, ids=True, image_fields=("crowdIndex",))
    convert = converter(crew.skeleton, CROWDPOSE_14, ledger, document.source)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for photo in crew.photos:
        held = ("file_name", "id", "height", "width", "crowdIndex")
        images.append({key: photo.image[key] for key in held if key in photo.image})
        if "crowdIndex" not in photo.image:
            ledger.add("{n} image{s} have no crowdIndex; none was made up", photo.name)
        for person in photo.people:
            keypoints = convert(person)
            annotations.append(
                {
                    "num_keypoints": sum(1 for v in keypoints[2::3] if v > 0),
                    "iscrowd": int(person.crowd),
                    "keypoints": keypoints,
                    "image_id": photo.image["id"],
                    "bbox": person.box,
                    "category_id": 1,
                    "id": person.id,
                }
            )
    order = {a["id"]: n for n, a in enumerate(document.annotations)}
    annotations.sort(key=lambda a: order[a["id"]])
    write_document(out, {"images": images, "annotations": annotations, "categories": [CROWDPOSE_14.to_category()]})
    return ledger.notes()


def _with_area(annotation: dict[str, Any]) -> dict[str, Any]:
    box = annotation.get("bbox")
    if "area" not in annotation and isinstance(box, list) and len(box) == 4 and all_finite_numbers(box):
        annotation = annotation | {"area": BOX_AREA_FACTOR * (box[2] * box[3]), "area_source": FROM_BOX}
    if "segmentation" not in annotation:
        annotation = annotation | {"segmentation": []}
    return annotation
