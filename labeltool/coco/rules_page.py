"""The page of rules, docs/rules.md, made from the docstrings of the rules and of their fixes.

python -m labeltool.coco.rules_page docs/rules.md
"""

from __future__ import annotations

import inspect
import sys
from pathlib import Path

from labeltool.coco.check import GROUPS, rules
from labeltool.coco.findings import Rule
from labeltool.coco.fixers import FIXES
from labeltool.files import atomic_write

_HEADINGS = {
    "C": "The file",
    "I": "Images",
    "K": "Categories",
    "A": "Annotations and joints",
    "B": "Boxes, areas, crowds and outlines",
    "D": "The set as a whole",
    "R": "Results",
}

_INTRODUCTION = """\
# What a COCO keypoint file may hold

<!-- Made from the docstrings of labeltool/coco by `python -m labeltool.coco.rules_page docs/rules.md`; edit those. -->

`labeltool validate FILE` holds a file against these rules. A code is never reused. An **error** makes the file unusable or its
numbers wrong, and the exit status 1; a **warning** deserves a look. Genuine COCO files have no error.

A **safe** fix is made by `labeltool validate FILE --fix OUT`, a **proposed** one, a decision, only by `--fix=all OUT`.
Fixes are logged (`--fix-log`), mending twice is mending once, and no labelled joint is moved, except one at most a pixel outside
its image (A311) and coordinates in shares of the image, which become pixels (A318).

`--select A3,B405` and `--ignore D5` choose rules by their code or its beginning; `--format json|github|junit` is for machines."""


def rules_page() -> str:
    """The page: a table of all rules, then a section a code with what it asks, a bad and a good example, and the fix."""
    parts = [_INTRODUCTION, _table()]
    for group in GROUPS:
        parts.append(f"## {_HEADINGS[group]}")
        parts += [_section(rule) for rule in rules() if rule.code[0] == group]
    return "\n\n".join(parts) + "\n"


def _table() -> str:
    lines = ["| code | severity | rule | fix |", "|---|---|---|---|"]
    for rule in rules():
        title = rule.title.replace("|", "\\|")
        lines.append(f"| [{rule.code}](#{rule.code.lower()}) | {rule.severity} | {title} | {_fix_word(rule.code)} |")
    return "\n".join(lines)


def _section(rule: Rule) -> str:
    text, examples = _split(inspect.getdoc(rule.check) or "")
    title, *body = text.split("\n\n")
    parts = [
        f"### {rule.code}",
        f"**{title.rstrip('.')}** ({rule.severity})",
        *body,
        examples,
        f"What to do: {rule.hint}.",
    ]
    made = FIXES.get(rule.code)
    if made is not None:
        parts.append(f"Fix ({_fix_word(rule.code)}): {made.summary}.")
    return "\n\n".join(parts)


def _split(docstring: str) -> tuple[str, str]:
    """The explanation of a docstring, and its examples as a list."""
    lines = docstring.splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith("Bad: "))
    examples = [line.replace("Bad: ", "- Bad: ", 1).replace("Good: ", "- Good: ", 1) for line in lines[first:]]
    return "\n".join(lines[:first]).strip(), "\n".join(examples)


def _fix_word(code: str) -> str:
    if code not in FIXES:
        return "-"
    return "safe" if FIXES[code].level == "safe" else "proposed"


def main() -> None:
    """Write the page to the path given on the command line."""
    with atomic_write(Path(sys.argv[1])) as file:
        file.write(rules_page().encode())


if __name__ == "__main__":
    main()
