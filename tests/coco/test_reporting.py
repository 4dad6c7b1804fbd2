from __future__ import annotations

from xml.etree import ElementTree

import pytest
from sample_documents import good_document, person

from labeltool.coco.check import Report, check_document, rules, select_codes
from labeltool.coco.document import CocoDocument
from labeltool.coco.reporting import to_github, to_junit
from labeltool.errors import CocoError


def report(count: int = 7) -> Report:
    data = good_document()
    data["annotations"] = [person(n, num_keypoints=0, shift=20 * n) for n in range(1, count + 1)]
    data["images"][1]["file_name"] = "50%\x00\n.jpg\\"
    return Report("a,b:c.json", tuple(check_document(CocoDocument(data, "x"), codes={"A313", "I104", "D502"})))


def test_github_has_a_line_a_place() -> None:
    lines = to_github(report()).splitlines()
    assert lines[0] == (
        "::warning file=a%2Cb%3Ac.json,title=I104::images[1] (id 2): file_name '50%25\\x00\\n.jpg\\\\' "
        "has a backslash, expected forward slashes"
    )
    assert sum(line.startswith("::error ") for line in lines) == 6
    assert "and 2 more: write the number of joints" in lines[6]
    assert lines[-1] == "::notice file=a%2Cb%3Ac.json::7 errors, 2 warnings"


def test_junit_has_a_case_a_rule() -> None:
    suite = ElementTree.fromstring(to_junit(report()))
    assert suite.get("tests") == str(len(rules())) == str(len(suite.findall("testcase")))
    assert suite.get("failures") == "1"
    (case,) = ElementTree.fromstring(to_junit(report(), {"I104"})).findall("testcase")
    assert str(case.get("name")).startswith("I104 "), "rules that were not checked have not passed"
    (failure,) = suite.iter("failure")
    assert failure.get("type") == "A313"
    assert (failure.text or "").splitlines()[-2:] == [
        "... and 2 more",
        "-> write the number of joints with v > 0: this one changes AP",
    ]
    assert len(list(suite.iter("system-out"))) == 2


def test_ten_thousand_findings_make_a_short_text() -> None:
    data = good_document()
    data["annotations"] = [
        person(n, num_keypoints=0, shift=n % 300, area=0, iscrowd=None, bbox=None) for n in range(1, 2501)
    ]
    found = check_document(CocoDocument(data, "x"), codes={"A313", "B401", "B405", "B407"})
    text = Report("x.json", tuple(found)).to_text()
    assert text.splitlines()[0] == "x.json: 10,000 errors, 0 warnings"
    assert len(text.splitlines()) < 50
    assert max(map(len, text.splitlines())) < 160


def test_codes_are_selected_by_their_beginnings() -> None:
    assert select_codes() is None
    assert select_codes(["A312,b4"], ["B409"]) == {"A312"} | {f"B40{n}" for n in range(1, 9)}
    assert select_codes([], ["A", "C,I", "K", "B", "D50"]) == {"R601", "R602"}
    for wrong in ("X", "A999", ""):
        with pytest.raises(CocoError, match="no rule"):
            select_codes([wrong])
