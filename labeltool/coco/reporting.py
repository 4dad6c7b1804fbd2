"""Reports for machines: GitHub's annotations of a workflow run, and JUnit XML."""

from __future__ import annotations

from collections.abc import Collection
from xml.etree import ElementTree

from labeltool.coco.check import Report, rules
from labeltool.coco.findings import Finding

# XML 1.0 can hold no other control characters.
_ALLOWED = {9, 10, 13}


def to_github(report: Report) -> str:
    """The report as workflow commands: one line a place, and one for the places that are not listed.

    See https://docs.github.com/actions/reference/workflow-commands-for-github-actions.
    """
    lines = []
    for finding in report.findings:
        head = f"::{finding.severity} file={_property(report.file)},title={_property(finding.code)}::"
        for place, detail in zip(finding.places, finding.details, strict=True):
            lines.append(head + _message(f"{place}: {detail}"))
        if finding.count > len(finding.places):
            lines.append(head + _message(f"... and {finding.count - len(finding.places):,} more: {finding.hint}"))
    lines.append(f"::notice file={_property(report.file)}::{report.errors:,} errors, {report.warnings:,} warnings")
    return "\n".join(lines)


def to_junit(report: Report, codes: Collection[str] | None = None) -> str:
    """The report as JUnit XML: one test case a rule that was checked; errors are failures, warnings are its output.

    Args:
        report: of a check.
        codes: of the rules that it was of; None for all.
    """
    by_code: dict[str, list[Finding]] = {}
    for finding in report.findings:
        by_code.setdefault(finding.code, []).append(finding)
    failed = sum(any(f.severity == "error" for f in found) for found in by_code.values())
    every = [rule for rule in rules() if codes is None or rule.code in codes]
    suite = ElementTree.Element(
        "testsuite", name=_text(report.file), tests=str(len(every)), failures=str(failed), errors="0", skipped="0"
    )
    for rule in every:
        case = ElementTree.SubElement(
            suite, "testcase", classname="labeltool.validate", name=f"{rule.code} {rule.title}"
        )
        found = by_code.get(rule.code, [])
        errors = [f for f in found if f.severity == "error"]
        if errors:
            failure = ElementTree.SubElement(case, "failure", type=rule.code, message=_text(errors[0].message))
            failure.text = _text("\n".join(map(_listing, errors)))
        warnings = [f for f in found if f.severity == "warning"]
        if warnings:
            ElementTree.SubElement(case, "system-out").text = _text("\n".join(map(_listing, warnings)))
    ElementTree.indent(suite)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(suite, encoding="unicode")


def _listing(finding: Finding) -> str:
    lines = [f"{place}: {detail}" for place, detail in zip(finding.places, finding.details, strict=True)]
    if finding.count > len(finding.places):
        lines.append(f"... and {finding.count - len(finding.places):,} more")
    return "\n".join([*lines, f"-> {finding.hint}"])


def _text(text: str) -> str:
    """A text without the characters that XML cannot hold."""
    return "".join(c if ord(c) >= 32 or ord(c) in _ALLOWED else "\N{REPLACEMENT CHARACTER}" for c in text).translate(
        {0xFFFE: 0xFFFD, 0xFFFF: 0xFFFD}
    )


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")
