from __future__ import annotations

import re
from pathlib import Path

from labeltool.coco.check import rules
from labeltool.coco.rules_page import rules_page


def test_the_page_is_current(repo: Path) -> None:
    written = (repo / "docs" / "rules.md").read_text()
    assert written == rules_page(), "run: python -m labeltool.coco.rules_page docs/rules.md"


def test_every_rule_has_a_section_with_a_bad_and_a_good_example() -> None:
    sections = re.split(r"^### ", rules_page(), flags=re.MULTILINE)[1:]
    assert [section.split()[0] for section in sections] == [rule.code for rule in rules()]
    for section in sections:
        assert re.search(r"^- Bad: .+\n- Good: ", section, re.MULTILINE), section
        assert "What to do: " in section
