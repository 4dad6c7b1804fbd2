"""The people of a COCO document as the exporters want them, and what every exporter has to say about the rest."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from labeltool.coco.derive import BOX_AREA_FACTOR, box_from_joints
from labeltool.coco.document import CocoDocument, keypoints_of, person_category
from labeltool.coco.finite import all_finite_numbers
from labeltool.errors import CocoError, FormatError
from labeltool.formats.coco import check_structure
from labeltool.formats.ledger import Ledger, literal
from labeltool.skeleton import Skeleton, convert, from_category

Number = int | float

#: Annotation fields that every exporter holds or that follow from what it holds.
_ALWAYS = frozenset({"id", "image_id", "category_id", "keypoints", "num_keypoints", "bbox", "iscrowd", "area_source"})
_IMAGE_ALWAYS = frozenset({"id", "file_name", "width", "height"})


@dataclass(frozen=True)
class Person:
    """An annotated person.

    Attributes:
        id: the annotation's id.
        keypoints: x, y, v of each joint, flat; x = y = 0 where v = 0.
        box: [x, y, w, h] with positive sides, given or taken from the joints.
        crowd: whether it is a crowd region.
        annotation: the annotation as the document has it.
    """

    id: int
    keypoints: list[Number]
    box: list[Number]
    crowd: bool
    annotation: Mapping[str, Any]


@dataclass(frozen=True)
class Photo:
    """An image with its people, in file order."""

    image: Mapping[str, Any]
    people: list[Person]

    @property
    def name(self) -> str:
        """The file name."""
        name: str = self.image["file_name"]
        return name


@dataclass(frozen=True)
class Crew:
    """The images of a document with their people, and the people's skeleton.

    Attributes:
        skeleton: the joints in the order of `Person.keypoints`.
        photos: every image, also those without people.
        category: the name of the people's category.
    """

    skeleton: Skeleton
    photos: list[Photo]
    category: str


def people_of(
    document: CocoDocument,
    ledger: Ledger,
    *,
    crowds: bool = False,
    area: bool = False,
    ids: bool = False,
    fields: Collection[str] = (),
    image_fields: Collection[str] = (),
) -> Crew:
    """The people of a document; whatever of it they do not carry goes into the ledger.

    Args:
        document: a document whose ids and references hold.
        ledger: takes what the format cannot hold.
        crowds: whether the format holds crowd regions.
        area: whether it holds areas.
        ids: whether it holds the ids of images and annotations.
        fields: further annotation fields that it holds.
        image_fields: further image fields that it holds.

    Raises:
        CocoError: the document's ids, references or keypoints are damaged.
        SkeletonError: its category describes no skeleton.
    """
    check_structure(document)
    category = person_category(document)
    skeleton = from_category(category)
    held = _ALWAYS | set(fields) | ({"area"} if area else set())
    photos = {image["id"]: Photo(image, []) for image in document.images}
    for i, annotation in enumerate(document.annotations):
        where = f"annotation {annotation['id']}"
        if annotation["category_id"] != category["id"]:
            ledger.add("{n} annotation{s} of other categories were left out", where)
            continue
        crowd = annotation.get("iscrowd", 0) == 1
        if crowd and not crowds:
            ledger.add("{n} crowd region{s} were left out", where)
            continue
        try:
            keypoints = _keypoints(annotation, skeleton, ledger, where)
        except CocoError as error:
            raise CocoError(f"{document.source}: annotations[{i}]: {error}") from None
        image = photos[annotation["image_id"]].image
        box = _box(annotation, keypoints, image, ledger, where)
        photos[annotation["image_id"]].people.append(Person(annotation["id"], keypoints, box, crowd, annotation))
        _note_fields(annotation, held, "annotation", ledger, where)
        if not area:
            _note_area(annotation, box, ledger, where)
    for image in document.images:
        _note_fields(image, _IMAGE_ALWAYS | set(image_fields), "image", ledger, f"image {image['id']}")
    for key in document.data:
        if key not in ("images", "annotations", "categories") and document.data[key]:
            ledger.say(f"the document's {key!r} was left out")
    if not ids:
        _note_ids(photos.values(), ledger)
    return Crew(skeleton, list(photos.values()), str(category.get("name", "person")))


def converter(skeleton: Skeleton, target: Skeleton, ledger: Ledger, source: str) -> Callable[[Person], list[Number]]:
    """A function that gives a person's keypoints in the joints of another skeleton, by name.

    Joints without a place are noted where they are labelled; joints that nothing fills are not labelled.

    Raises:
        FormatError: the skeletons have no joint in common.
    """
    if skeleton.joints == target.joints:
        return lambda person: person.keypoints
    conversion = convert(skeleton, target)
    if not conversion.pairs:
        raise FormatError(
            f"{source}: no joint of skeleton {target.name!r} ({', '.join(target.joints)}) is in the document"
        )
    if conversion.missing:
        for joint in conversion.missing:
            ledger.add("{n} joint{s} that the document has not were written as not labelled", joint)
    order = conversion.indices().tolist()
    dropped = [(skeleton.index(joint), joint) for joint in conversion.dropped]

    def converted(person: Person) -> list[Number]:
        for k, joint in dropped:
            if person.keypoints[3 * k + 2]:
                ledger.add(
                    "{n} labelled joint{s} have no place in the format's skeleton", f"annotation {person.id} {joint}"
                )
        out: list[Number] = []
        for k in order:
            out += person.keypoints[3 * k : 3 * k + 3] if k >= 0 else (0, 0, 0)
        return out

    return converted


def joints_of(keypoints: list[Number]) -> list[tuple[Number, Number, int]]:
    """Flat keypoints as (x, y, v) a joint."""
    return [(keypoints[k], keypoints[k + 1], int(keypoints[k + 2])) for k in range(0, len(keypoints), 3)]


def _keypoints(annotation: Mapping[str, Any], skeleton: Skeleton, ledger: Ledger, where: str) -> list[Number]:
    values = annotation.get("keypoints") or [0] * (3 * len(skeleton))
    if not isinstance(values, list) or len(values) != 3 * len(skeleton) or not all_finite_numbers(values):
        keypoints_of(annotation, len(skeleton))
    flags = values[2::3]
    if not {0, 1, 2}.issuperset(flags):
        keypoints_of(annotation, len(skeleton))
    if 0 not in flags:
        return list(values)
    out = list(values)
    for k, v in enumerate(flags):
        if v == 0 and (out[3 * k] != 0 or out[3 * k + 1] != 0):
            ledger.add(
                "{n} joint{s} not labelled had coordinates, which were left out", f"{where} {skeleton.joints[k]}"
            )
            out[3 * k : 3 * k + 2] = (0, 0)
    return out


def _box(
    annotation: Mapping[str, Any], keypoints: list[Number], image: Mapping[str, Any], ledger: Ledger, where: str
) -> list[Number]:
    box = annotation.get("bbox")
    if isinstance(box, list) and len(box) == 4 and all_finite_numbers(box) and box[2] > 0 and box[3] > 0:
        return box
    width, height = image["width"], image["height"]
    tight = box_from_joints([keypoints[k : k + 2] for k in range(0, len(keypoints), 3)], keypoints[2::3], width, height)
    if tight is None:
        ledger.add("{n} people without a usable box or a labelled joint got the whole image as their box", where)
        return [0, 0, width, height]
    ledger.add("{n} people without a usable box got that of their joints", where)
    return list(tight)


def _note_fields(row: Mapping[str, Any], held: AbstractSet[str], what: str, ledger: Ledger, where: str) -> None:
    if not row.keys() - held:
        return
    for key, value in row.items():
        if key not in held and key != "area" and value is not None and value != [] and value != {}:
            ledger.add(f"{what} field {literal(repr(key))} was left out of {{n}} {what}{{s}}", where)


def _note_area(annotation: Mapping[str, Any], box: list[Number], ledger: Ledger, where: str) -> None:
    area = annotation.get("area")
    if area is not None and area != BOX_AREA_FACTOR * (box[2] * box[3]):
        ledger.add("the area of {n} annotation{s} was left out", where)


def _note_ids(photos: Iterable[Photo], ledger: Ledger) -> None:
    images = [photo.image["id"] for photo in photos]
    people = [person.id for photo in photos for person in photo.people]
    for what, ids in (("image", images), ("annotation", people)):
        if ids != list(range(1, len(ids) + 1)):
            ledger.say(f"{what} ids were left out: readers number them anew")
