"""Files as the tools themselves write them: conventions of origin, visibility, boxes, and what is noted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from labeltool.coco.document import CocoDocument
from labeltool.errors import FormatError
from labeltool.formats.crowdpose import CROWDPOSE_14
from labeltool.formats.imported import Imported
from labeltool.formats.ledger import Ledger
from labeltool.formats.registry import FORMATS, get_format, guess_format
from labeltool.formats.tables import to_table
from labeltool.formats.wholebody import PARTS, WHOLEBODY_133
from labeltool.skeleton import COCO_17, LSP_14, MPII_16

SIZE = (200, 100)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("a.jpg", "b.jpg", "im00001.jpg", "im00002.jpg"):
        Image.new("RGB", SIZE).save(folder / name)
    return folder


def joint(imported: Imported, name: str, person: int = 0) -> list[Any]:
    k = 3 * imported.skeleton.index(name)
    keypoints: list[Any] = imported.document.annotations[person]["keypoints"]
    return keypoints[k : k + 3]


def saved(path: Path, value: Any) -> Path:
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


def person(**changes: Any) -> dict[str, Any]:
    """A COCO person of 17 joints at (10k, 5k), v = 2."""
    keypoints = [value for k in range(1, 18) for value in (10 * k, 5 * k, 2)]
    return {
        "id": 1,
        "image_id": 1,
        "category_id": 1,
        "keypoints": keypoints,
        "num_keypoints": 17,
        "bbox": [5, 4, 180, 90],
        "area": 5000,
        "iscrowd": 0,
    } | changes


def document(*people: dict[str, Any], name: str = "a.jpg") -> CocoDocument:
    image = {"id": 1, "file_name": name, "width": SIZE[0], "height": SIZE[1]}
    return CocoDocument(
        {"images": [image], "annotations": list(people), "categories": [COCO_17.to_category()]}, "mine.json"
    )


def test_names_tell_formats_apart_only_where_they_can(tmp_path: Path) -> None:
    for name, wanted in (
        ("a.json", "coco"),
        ("a.XML", "cvat"),
        ("a.csv", "csv"),
        ("a.pq", "parquet"),
        ("a.yaml", "yolo-pose"),
    ):
        assert guess_format(Path(name), "--from").name == wanted
    with pytest.raises(FormatError, match=r"does not follow from the name, expected --from lsp, lspet, mpii$"):
        guess_format(Path("joints.mat"), "--from")
    (tmp_path / "data.yaml").touch()
    assert guess_format(tmp_path, "--from").name == "yolo-pose"
    with pytest.raises(FormatError, match="mpii can be read only"):
        get_format("mpii").write(document(), tmp_path / "x.mat")
    with pytest.raises(FormatError, match="format 'voc': unknown"):
        get_format("voc")
    with pytest.raises(FormatError, match="no such file or folder"):
        get_format("cvat").read(tmp_path / "none.xml")
    with pytest.raises(FormatError, match="is a folder, expected a file of cvat"):
        get_format("cvat").read(tmp_path)


def test_every_format_of_the_registry_can_be_loaded() -> None:
    from labeltool.formats.registry import _load

    for f in FORMATS.values():
        for place in (f.reader, f.writer):
            assert place is None or callable(_load(place))


def test_mpii_json_counts_from_one(tmp_path: Path, images: Path) -> None:
    entry = {
        "image": "a.jpg",
        "joints": [[10.0 + k, 20.0 + k] for k in range(16)],
        "joints_vis": [1] * 15 + [0],
        "center": [50.0, 51.0],
        "scale": 0.5,
    }
    imported = get_format("mpii-json").read(saved(tmp_path / "train.json", [entry, entry]), images)
    assert joint(imported, "right_ankle") == [9, 19, 2]
    assert joint(imported, "left_wrist") == [0, 0, 0]
    first = imported.document.annotations[0]
    assert (first["center"], first["scale"], first["bbox"]) == ([49, 50], 0.5, [9, 19, 14, 14])
    assert len(imported.document.images) == 1
    assert any("does not say which joints are hidden" in line for line in imported.notes)
    with pytest.raises(FormatError, match=r"has no image sizes, expected the folder of the photos \(--images\)"):
        get_format("mpii-json").read(tmp_path / "train.json")


def mpii_mat(path: Path) -> Path:
    def point(k: int, x: float, y: float, visible: object) -> dict[str, Any]:
        return {"x": x, "y": y, "id": k, "is_visible": visible}

    points = np.array(
        [point(0, 11.0, 21.5, 1), point(9, 30.0, 5.0, np.zeros((0, 0))), point(3, 12, 13, 0)], dtype=object
    )
    one = {
        "x1": 20.0, "y1": 3.0, "x2": 40.0, "y2": 15.0, "scale": 0.4, "objpos": {"x": 31.0, "y": 41.0},
        "annopoints": {"point": points},
    }  # fmt: skip
    head_only = {
        "x1": 1.0,
        "y1": 1.0,
        "x2": 2.0,
        "y2": 2.0,
        "scale": 1.0,
        "objpos": {"x": 1.0, "y": 1.0},
        "annopoints": np.zeros((0, 0)),
    }
    annolist = np.array(
        [
            {"image": {"name": "a.jpg"}, "annorect": np.array([one, head_only], dtype=object)},
            {"image": {"name": "b.jpg"}, "annorect": one},
        ],
        dtype=object,
    )
    savemat(path, {"RELEASE": {"annolist": structs(annolist), "img_train": np.array([1, 0])}}, do_compression=True)
    return path


def structs(rows: Any) -> Any:
    """Lists of dicts as MATLAB struct arrays, all the way down."""
    if isinstance(rows, dict):
        return {key: structs(value) for key, value in rows.items()}
    if isinstance(rows, np.ndarray) and rows.dtype == object:
        out = np.zeros(len(rows), dtype=[(name, object) for name in rows[0]])
        for n, row in enumerate(rows):
            for name, value in row.items():
                out[n][name] = structs(value)
        return out
    return rows


def test_mpii_annolist(tmp_path: Path, images: Path) -> None:
    imported = get_format("mpii").read(mpii_mat(tmp_path / "mpii.mat"), images)
    assert [image["file_name"] for image in imported.document.images] == ["a.jpg"]
    assert joint(imported, "right_ankle") == [10, 20.5, 2]
    assert joint(imported, "head_top") == [29, 4, 2]
    assert joint(imported, "left_hip") == [11, 12, 1]
    first = imported.document.annotations[0]
    assert (first["scale"], first["center"], first["head_box"]) == (0.4, [30, 40], [19, 2, 20, 12])
    said = " | ".join(imported.notes)
    assert "1 people without joints (only a head box) were left out: a.jpg" in said
    assert "1 image of the test part, whose people are not labelled, were left out: b.jpg" in said
    assert "1 joint without is_visible were taken as visible: a.jpg head_top" in said
    with pytest.raises(FormatError, match="holds no variable 'RELEASE'"):
        savemat(tmp_path / "other.mat", {"x": 1})
        get_format("mpii").read(tmp_path / "other.mat", images)


def test_damaged_annolists_never_end_the_process(tmp_path: Path, images: Path) -> None:
    whole = mpii_mat(tmp_path / "mpii.mat").read_bytes()
    import zlib

    size = int.from_bytes(whole[132:136], "little")
    plain = whole[:128] + zlib.decompress(whole[136 : 136 + size])
    path = tmp_path / "damaged.mat"
    path.write_bytes(plain)
    assert len(get_format("mpii").read(path, images).document.annotations) == 1
    rng = np.random.default_rng(5)
    for spot in rng.integers(120, len(plain), 400):
        damaged = bytearray(plain)
        damaged[spot] = rng.integers(256)
        path.write_bytes(damaged)
        try:
            get_format("mpii").read(path, images)
        except FormatError as error:
            assert "\n" not in str(error)
    for length in range(0, len(plain), 997):
        path.write_bytes(plain[:length])
        with pytest.raises(FormatError):
            get_format("mpii").read(path, images)


def test_ai_challenger_s_flags_and_corners(tmp_path: Path, images: Path) -> None:
    keypoints = [value for k in range(14) for value in (10 + k, 20 + k, (1, 2, 3)[k % 3])]
    entry = {
        "image_id": "a",
        "keypoint_annotations": {"human1": keypoints},
        "human_annotations": {"human1": [5, 6, 25, 46]},
    }
    imported = get_format("ai-challenger").read(saved(tmp_path / "a.json", [entry]), images)
    assert joint(imported, "right_shoulder") == [10, 20, 2]
    assert joint(imported, "right_elbow") == [11, 21, 1]
    assert joint(imported, "right_wrist") == [0, 0, 0]
    assert imported.document.annotations[0]["bbox"] == [5, 6, 20, 40]
    assert "4 joints not labelled had coordinates, which were left out" in imported.notes[0]
    keypoints[2] = 0
    with pytest.raises(FormatError, match=r"human1\[2\]: visibility is 0, expected 1, 2 or 3"):
        get_format("ai-challenger").read(saved(tmp_path / "a.json", [entry]), images)


def test_wholebody_s_parts_and_confidences(tmp_path: Path) -> None:
    flat = {name: [0.0] * (3 * len(joints)) for name, joints in PARTS.items()}
    flat["keypoints"][:3] = [10, 20, 1]
    flat["face_kpts"][3:6] = [30.5, 31.5, 0.83]
    flat["lefthand_kpts"][:3] = [7, 8, 0.0]
    annotation = person(**flat, face_box=[1, 2, 3, 4], face_valid=True, num_keypoints=1)
    data = document(annotation).data
    imported = get_format("coco-wholebody").read(saved(tmp_path / "w.json", data))
    assert len(imported.skeleton) == 133
    assert joint(imported, "nose") == [10, 20, 1]
    assert joint(imported, "face-1") == [30.5, 31.5, 2]
    assert joint(imported, "left_hand_root") == [0, 0, 0]
    first = imported.document.annotations[0]
    assert (first["num_keypoints"], first["face_box"], first["face_valid"]) == (2, [1, 2, 3, 4], True)
    assert "1 joint with a confidence for visibility" in imported.notes[0]
    assert WHOLEBODY_133.flip_order()[WHOLEBODY_133.index("face-0")] == WHOLEBODY_133.index("face-16")
    assert WHOLEBODY_133.flip_order()[WHOLEBODY_133.index("left_thumb1")] == WHOLEBODY_133.index("right_thumb1")
    annotation["foot_kpts"] = [1, 2]
    with pytest.raises(FormatError, match=r"annotation \(id 1\): foot_kpts: has 2 values, expected 18"):
        get_format("coco-wholebody").read(saved(tmp_path / "w.json", document(annotation).data))


def test_crowdpose_s_published_limbs_are_replaced(tmp_path: Path) -> None:
    category = CROWDPOSE_14.to_category() | {"skeleton": [[16, 14], [14, 12], [17, 15]]}
    annotation = {
        "num_keypoints": 14,
        "iscrowd": 0,
        "keypoints": [5, 6, 2] * 14,
        "image_id": 1,
        "bbox": [1, 2, 50, 40],
        "category_id": 1,
        "id": 9,
    }
    image = {"id": 1, "file_name": "a.jpg", "width": 200, "height": 100, "crowdIndex": 0.4}
    data = {"images": [image], "annotations": [annotation], "categories": [category]}
    imported = get_format("crowdpose").read(saved(tmp_path / "c.json", data))
    assert imported.document.annotations[0]["area"] == pytest.approx(0.53 * 2000)
    assert imported.document.images[0]["crowdIndex"] == 0.4
    assert imported.notes == ("the category's limbs do not fit its 14 joints and were replaced by CrowdPose's",)
    with pytest.raises(FormatError, match="has other joints than CrowdPose's 14"):
        get_format("crowdpose").read(saved(tmp_path / "c.json", document(person()).data))


def yolo(folder: Path, config: str, labels: str) -> Path:
    (folder / "set" / "images" / "train").mkdir(parents=True)
    (folder / "set" / "labels" / "train").mkdir(parents=True)
    Image.new("RGB", SIZE).save(folder / "set" / "images" / "train" / "a.png")
    saved(folder / "set" / "labels" / "train" / "a.txt", labels)
    return saved(folder / "set" / "data.yaml", config)


def test_yolo_pose_as_ultralytics_keeps_it(tmp_path: Path) -> None:
    config = "path: .\ntrain: images/train\nval:\nkpt_shape: [2, 3]\nnames: {0: dog, 1: person}\nkpt_names: {1: [nose, tail]}\n"
    labels = "1 0.5 0.5 0.2 0.4 0.25 0.5 2.000000 0 0 0\n0 0.5 0.5 0.2 0.4 0.25 0.5 2 0 0 0\n\n"
    imported = get_format("yolo-pose").read(yolo(tmp_path, config, labels))
    assert imported.document.images == [
        {"id": 1, "file_name": "train/a.png", "width": 200, "height": 100, "split": "train"}
    ]
    assert imported.image_root == tmp_path / "set" / "images"
    first = imported.document.annotations[0]
    assert (first["keypoints"], first["bbox"]) == ([50, 50, 2, 0, 0, 0], [80, 30, 40, 40])
    assert imported.skeleton.joints == ("nose", "tail")
    assert imported.notes == ("1 line of other classes than person were left out: a.txt 2",)


def test_yolo_pose_without_visibility_says_so(tmp_path: Path) -> None:
    config = "train: images/train\nval: images/train\nkpt_shape: [2, 2]\nnames: [person]\nkpt_names: [nose, tail]\n"
    imported = get_format("yolo-pose").read(yolo(tmp_path, config, "0 0.5 0.5 0.2 0.4 0.25 0.5 0 0\n"))
    assert imported.document.annotations[0]["keypoints"] == [50, 50, 2, 0, 0, 0]
    assert any("no visibility" in line for line in imported.notes)
    assert "split" not in imported.document.images[0]


@pytest.mark.parametrize(
    ("config", "labels", "reason"),
    [
        ("kpt_shape: [3, 3]\nnames: [person]\ntrain: images/train", "", "its 3 joints have no names"),
        ("kpt_shape: [2, 5]\nnames: [person]\ntrain: images/train", "", r"kpt_shape is \[2, 5\], expected"),
        ("names: []\ntrain: images/train", "", "kpt_shape is missing|kpt_shape is null"),
        (
            "kpt_shape: [2, 3]\nkpt_names: [a, b]\nnames: [person]\ntrain: images/train",
            "0 1 2\n",
            r"line 1: has 3 values, expected 11",
        ),
        (
            "kpt_shape: [1, 3]\nkpt_names: [a]\nnames: [person]\ntrain: images/train",
            "0 .5 .5 .1 .1 x 0 0\n",
            "could not convert",
        ),
        (
            "kpt_shape: [1, 3]\nkpt_names: [a]\nnames: [person]\ntrain: images/train",
            "0 .5 .5 .1 .1 .1 .1 3\n",
            "visibility is 3",
        ),
        (
            "kpt_shape: [1, 3]\nkpt_names: [a]\nnames: [person]\ntrain: images/train",
            "0 .5 .5 .1 .1 nan .1 2\n",
            "out of range",
        ),
        ("a: !!python/object/apply:os.system ['true']", "", "not a YAML file"),
        ("- 1", "", "is a list|is \\[1\\], expected an object"),
        ("{", "", "not a YAML file"),
    ],
)
def test_yolo_sets_that_are_refused(tmp_path: Path, config: str, labels: str, reason: str) -> None:
    path = yolo(tmp_path, config, labels)
    with pytest.raises(FormatError, match=reason) as caught:
        get_format("yolo-pose").read(path)
    assert "\n" not in str(caught.value)


def test_yolo_lines_that_ultralytics_would_refuse_are_not_written(tmp_path: Path) -> None:
    keypoints = person()["keypoints"]
    keypoints[:3] = [-2, 50, 2]
    notes = get_format("yolo-pose").write(
        document(person(keypoints=keypoints, bbox=[-5, -5, 300, 300]), person(id=2, bbox=[500, 5, 20, 20])),
        tmp_path / "y",
    )
    values = np.array((tmp_path / "y" / "labels" / "a.txt").read_text().split(), dtype=float)
    assert len(values) == 5 + 51
    assert values[1:5].tolist() == [0.5, 0.5, 1, 1]
    assert values[5:8].tolist() == [0, 0, 0]
    assert ((values[1:] >= 0) & (values[1:] <= 2)).all()
    said = " | ".join(notes)
    assert "1 joint outside the photo were written as not labelled: annotation 1 nose" in said
    assert "1 boxes that reach beyond the photo were cut to it: annotation 1" in said
    assert "1 people whose box lies outside the photo were left out: annotation 2" in said


def test_outputs_that_would_overwrite_each_other_are_refused(tmp_path: Path) -> None:
    two = document(person())
    two.images.append({"id": 2, "file_name": "a.png", "width": 5, "height": 5})
    for name in ("yolo-pose", "darwin"):
        with pytest.raises(FormatError, match=r"a.jpg and a.png would both be a\.(txt|json)"):
            get_format(name).write(two, tmp_path / name)
        assert not (tmp_path / name).exists()
    climbing = document(person(), name="../../a.jpg")
    with pytest.raises(FormatError, match="leads out of the folder"):
        get_format("yolo-pose").write(climbing, tmp_path / "y")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    with pytest.raises(FormatError, match="exists and is not empty"):
        get_format("darwin").write(document(person()), tmp_path / "full")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["full"]


CVAT = """<?xml version="1.0" encoding="utf-8"?>
<annotations><version>1.1</version><meta><task><labels>
<label><name>person</name><type>skeleton</type><svg>&lt;line data-node-from="1" data-node-to="2"&gt;&lt;/line&gt;
&lt;circle data-node-id="1" data-label-name="nose"&gt;&lt;/circle&gt;
&lt;circle data-node-id="2" data-label-name="tail"&gt;&lt;/circle&gt;</svg></label>
<label><name>nose</name><type>points</type><parent>person</parent></label>
<label><name>tail</name><type>points</type><parent>person</parent></label>
<label><name>paw</name><type>points</type><parent>person</parent></label></labels></task></meta>
<image id="0" name="sub/a.jpg" width="200" height="100">
<skeleton label="person" source="manual" z_order="0" group_id="4">
<points label="tail" source="manual" outside="0" occluded="1" points="12.25,13.50"></points>
<points label="nose" source="manual" outside="0" occluded="0" points="1.00,2.00"></points>
<points label="paw" source="manual" outside="1" occluded="0" points="9.00,9.00"></points>
<attribute name="a">b</attribute></skeleton>
<skeleton label="person"><points label="nose" outside="0" occluded="0" points="3,4"></points></skeleton>
<box label="person" xtl="1.0" ytl="2.0" xbr="11.5" ybr="22.0" group_id="4"></box>
<box label="car" xtl="1.0" ytl="2.0" xbr="11.5" ybr="22.0"></box>
<polygon label="x" points="1,2;3,4;5,6"></polygon></image></annotations>"""


def test_cvat_s_skeletons(tmp_path: Path) -> None:
    imported = get_format("cvat").read(saved(tmp_path / "a.xml", CVAT))
    assert imported.skeleton.joints == ("nose", "tail", "paw")
    assert imported.skeleton.limbs == (("nose", "tail"),)
    first, second = imported.document.annotations
    assert first["keypoints"] == [1.0, 2.0, 2, 12.25, 13.5, 1, 0, 0, 0]
    assert first["bbox"] == [1, 2, 10.5, 20]
    assert second["keypoints"] == [3, 4, 2, 0, 0, 0, 0, 0, 0]
    said = " | ".join(imported.notes)
    for words in (
        "attributes of 1 skeleton",
        "1 boxes that belong to no skeleton",
        "1 polygon annotation",
        "1 boxes were taken",
    ):
        assert words in said


@pytest.mark.parametrize(
    ("xml", "reason"),
    [
        (
            '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><annotations>&x;</annotations>',
            "declares a document type",
        ),
        (
            '<!DOCTYPE lolz [<!ENTITY l "lol"><!ENTITY m "&l;&l;&l;">]><annotations>&m;</annotations>',
            "declares a document type",
        ),
        ("<annotations>" + "<a>" * 5000, "nested deeper than 64"),
        ("<annotations>", "not an XML file: no element found"),
        ("hello", "not an XML file"),
        ("", "not an XML file"),
        ("<other/>", "the root element is 'other'"),
        ("<annotations/>", "no skeleton here"),
        ("<annotations><track/></annotations>", "tracks of a video"),
        (CVAT.replace('width="200"', 'width="x"'), "width is 'x', expected a positive integer"),
        (CVAT.replace("12.25,13.50", "12.25"), "skeleton 1, tail: points is '12.25', expected 'x,y'"),
        (CVAT.replace("12.25,13.50", "12.25,inf"), "expected a finite number"),
        (CVAT.replace('label="tail"', 'label="nose"'), "joint 'nose' stands twice"),
        (CVAT.replace(' name="sub/a.jpg"', ""), "<image> has no name"),
    ],
)
def test_cvat_files_that_are_refused(tmp_path: Path, xml: str, reason: str) -> None:
    with pytest.raises(FormatError, match=reason) as caught:
        get_format("cvat").read(saved(tmp_path / "a.xml", xml))
    assert "\n" not in str(caught.value)


def region(kind: str, key: str, label: str, x: float, y: float, **more: Any) -> dict[str, Any]:
    value = {"x": x, "y": y, "width": 20 if kind == "rectanglelabels" else 0.5, kind: [label]}
    if kind == "rectanglelabels":
        value |= {"height": 50, "rotation": 0}
    return {
        "id": key,
        "type": kind,
        "original_width": 200,
        "original_height": 100,
        "image_rotation": 0,
        "value": value,
    } | more


def test_label_studio_ties_keypoints_to_people(tmp_path: Path) -> None:
    result = [
        region("rectanglelabels", "A", "person", 10, 10),
        region("rectanglelabels", "B", "person", 50, 10),
        region("keypointlabels", "k1", "nose", 60, 20, parentID="A"),
        region("keypointlabels", "k2", "nose", 55, 20),
        region("keypointlabels", "k3", "tail", 12, 20),
        {"id": "k3", "type": "choices", "value": {"choices": ["hidden"]}},
        {"type": "relation", "from_id": "k4", "to_id": "B", "direction": "right"},
        region("keypointlabels", "k4", "tail", 90, 90),
        region("keypointlabels", "k5", "tail", 95, 95),
        region("keypointlabels", "k6", "nose", 15, 15),
        region("polygonlabels", "p", "x", 1, 1),
    ]
    cancelled = {"result": [], "was_cancelled": True}
    task = {
        "id": 1,
        "data": {"image": "/data/local-files/?d=sub/a.jpg"},
        "annotations": [{"result": result}, cancelled],
        "predictions": [{}],
    }
    imported = get_format("label-studio").read(saved(tmp_path / "ls.json", [task]))
    first, second = imported.document.annotations
    assert imported.document.images[0]["file_name"] == "sub/a.jpg"
    assert imported.skeleton.joints == ("nose", "tail")
    assert first["keypoints"] == [120, 20, 2, 24, 20, 1]
    assert first["bbox"] == [20, 10, 40, 50]
    assert second["keypoints"] == [110, 20, 2, 180, 90, 2]
    said = " | ".join(imported.notes)
    for words in (
        "belong to no one person",
        "a person has twice",
        "other regions",
        "cancelled",
        "predictions of 1 task",
    ):
        assert words in said, words


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("a.jpg", "a.jpg"),
        ("sub/a b.jpg", "sub/a b.jpg"),
        ("/data/upload/3/1234-a.jpg", "1234-a.jpg"),
        ("https://host/x/a%20b.jpg?sig=1", "a b.jpg"),
        ("s3://bucket/x/a.jpg", "a.jpg"),
        ("/data/local-files/?d=/x/a.jpg", "x/a.jpg"),
    ],
)
def test_label_studio_s_photo_names(tmp_path: Path, image: str, name: str) -> None:
    task = {"data": {"image": image}, "annotations": [{"result": [region("keypointlabels", "k", "nose", 1, 1)]}]}
    imported = get_format("label-studio").read(saved(tmp_path / "ls.json", [task]), None, None)
    assert imported.document.images[0]["file_name"] == name
    assert "belong to no one person" in imported.notes[0]


def test_three_people_in_label_studio_stay_three(tmp_path: Path) -> None:
    people = [
        person(id=n, keypoints=[value for k in range(17) for value in (10.25 * n, 3.5 + k, 1 + k % 2)])
        for n in (1, 2, 3)
    ]
    get_format("label-studio").write(document(*people), tmp_path / "ls.json")
    imported = get_format("label-studio").read(tmp_path / "ls.json")
    assert [a["keypoints"] for a in imported.document.annotations] == [a["keypoints"] for a in people]


def test_darwin_as_v7_writes_it(tmp_path: Path) -> None:
    node = {"name": "nose", "x": 10.5, "y": 20, "occluded": True}
    item = {
        "version": "2.0",
        "item": {
            "name": "a.jpg",
            "path": "/night",
            "slots": [{"slot_name": "0", "width": 200, "height": 100, "type": "image"}],
        },
        "annotations": [
            {"name": "person", "skeleton": {"nodes": [node, node | {"name": "tail", "occluded": False}]}},
            {"name": "car", "bounding_box": {"x": 1, "y": 2, "w": 3, "h": 4}},
        ],
    }
    imported = get_format("darwin").read(saved(tmp_path / "a.json", item))
    assert imported.document.images[0]["file_name"] == "night/a.jpg"
    assert imported.document.annotations[0]["keypoints"] == [10.5, 20, 1, 10.5, 20, 2]
    assert "1 annotation without a skeleton were left out: a.json [1]" in imported.notes
    for change, reason in (
        ({"version": "1.0"}, "expected Darwin JSON '2.0'"),
        ({"item": {"name": "a.jpg", "slots": []}}, "item has 0 slots"),
        ({"annotations": [{"frames": {}, "name": "x"}]}, "is a video annotation"),
    ):
        with pytest.raises(FormatError, match=reason):
            get_format("darwin").read(saved(tmp_path / "b.json", item | change))


def test_lsp_s_two_layouts_and_what_they_cannot_hold(tmp_path: Path, images: Path) -> None:
    full = [value for k in range(14) for value in (10 + k, 20 + k, 1 + k % 2)]
    people = [person(id=1, keypoints=full), person(id=2, keypoints=[*full[:-1], 0])]
    data = document(*people, name="im00001.jpg").data | {"categories": [LSP_14.to_category()]}
    source = CocoDocument(data, "mine.json")
    notes = " | ".join(get_format("lspet").write(source, tmp_path / "e.mat"))
    assert "7 hidden joints (v = 1) were written as labelled only: im00001.jpg right_ankle" in notes
    assert "1 people beside another in a photo were left out: annotation 2" in notes
    get_format("lsp").write(source, tmp_path / "o.mat")
    folder = tmp_path / "one"
    folder.mkdir()
    (folder / "im00001.jpg").write_bytes((images / "im00001.jpg").read_bytes())
    back = get_format("lsp").read(tmp_path / "o.mat", folder)
    assert back.document.annotations[0]["keypoints"] == full
    data["annotations"] = people[1:]
    with pytest.raises(
        FormatError, match=r"im00001.jpg: head_top is not labelled, which the original LSP cannot say \(1 such"
    ):
        get_format("lsp").write(source, tmp_path / "x.mat")


def test_the_table_is_what_a_pandas_user_wants() -> None:
    keypoints = person()["keypoints"]
    keypoints[3:9] = [0, 0, 0, 30, 15, 1]
    table = to_table(document(person(keypoints=keypoints, area=None), person(id=7)), Ledger())
    assert len(table) == 34
    assert table.groupby("joint", observed=True)["v"].mean()["left_eye"] == 1
    row = table[(table.annotation_id == 1) & (table.joint == "left_eye")].iloc[0]
    assert np.isnan(row.x) and np.isnan(row.area) and row.v == 0
    assert table[table.annotation_id == 7].area.unique().tolist() == [5000]
    assert table.joint.dtype == "category" and table.image_id.dtype == "int64" and table.v.dtype == "int8"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("joint", 0, "left_eye"), "row 2: annotation 1 has 'left_eye' twice, expected once"),
        (("v", 2, "3"), "row 3: v is 3, expected 0, 1 or 2"),
        (("v", 2, "two"), "row 3: v is 'two', expected a whole number"),
        (("x", 4, ""), "row 5: v is not 0, but x is empty"),
        (("x", 4, "inf"), "row 5: x is 'inf', expected a finite number"),
        (("width", 3, "201"), "width is 201, other rows of image 1 say 200"),
        (("iscrowd", 3, "1"), "iscrowd is 1, other rows of annotation 1 say 0"),
        (("joint", 3, ""), "row 4: joint is '', expected a text"),
        (("bbox_x", 1, "5.5"), "bbox_x is 5.5, other rows of annotation 1 say 5"),
    ],
)
def test_tables_that_are_refused(tmp_path: Path, change: tuple[str, int, str], reason: str) -> None:
    import pandas as pd

    get_format("csv").write(document(person()), tmp_path / "a.csv")
    table = pd.read_csv(tmp_path / "a.csv", dtype="str", keep_default_na=False)
    column, row, value = change
    table.loc[row, column] = value
    table.to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(FormatError, match=reason) as caught:
        get_format("csv").read(tmp_path / "a.csv", None, COCO_17)
    assert "\n" not in str(caught.value)


def test_a_table_without_a_column_and_files_that_are_no_tables(tmp_path: Path) -> None:
    for name, text, reason in (
        ("csv", "image_id,x\n1,2\n", "no column 'file_name', expected image_id, file_name"),
        ("csv", "", "not a CSV table"),
        ("csv", 'a,b\n"1,2\n', "not a CSV table|no column"),
        ("parquet", "hello", "not a Parquet table"),
    ):
        with pytest.raises(FormatError, match=reason):
            get_format(name).read(saved(tmp_path / "a", text))


def test_without_pyarrow_one_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(FormatError, match=r"pip install 'labeltool\[parquet\]'"):
        get_format("parquet").write(document(person()), tmp_path / "a.parquet")


def test_another_skeleton_is_converted_by_name_and_said(tmp_path: Path) -> None:
    notes = " | ".join(get_format("mpii-json").write(document(person()), tmp_path / "m.json"))
    assert (
        "4 joints that the document has not were written as not labelled: pelvis, thorax, upper_neck, head_top" in notes
    )
    assert "5 labelled joints have no place in the format's skeleton: annotation 1 nose" in notes
    (entry,) = json.loads((tmp_path / "m.json").read_text())
    assert entry["joints"][MPII_16.index("left_hip")] == [121, 61]
    assert entry["joints"][MPII_16.index("pelvis")] == [-1, -1]
    assert (entry["center"], entry["scale"]) == ([96, 50], 0.9)
    dog = {"id": 1, "name": "dog", "keypoints": ["snout", "tail"]}
    data = document(person(keypoints=[1, 1, 2, 2, 2, 2])).data | {"categories": [dog]}
    with pytest.raises(FormatError, match="no joint of skeleton 'mpii-16'"):
        get_format("mpii-json").write(CocoDocument(data, "dog.json"), tmp_path / "d.json")
    with pytest.raises(FormatError, match="MPII labels have the skeleton mpii-16, not coco-17"):
        get_format("mpii-json").read(tmp_path / "m.json", tmp_path, COCO_17)


def test_names_with_braces_stand_in_notes_as_they_are(tmp_path: Path) -> None:
    notes = get_format("cvat").write(document(person(**{"{n} odd": 1})), tmp_path / "a.xml")
    assert "annotation field '{n} odd' was left out of 1 annotation: annotation 1" in notes
    config = "kpt_shape: [1, 3]\nkpt_names: [a]\nnames: ['{x}', b]\ntrain: images/train"
    imported = get_format("yolo-pose").read(yolo(tmp_path, config, "1 .5 .5 .1 .1 .1 .1 2\n"))
    assert imported.notes == ("1 line of other classes than {x} were left out: a.txt 1",)
