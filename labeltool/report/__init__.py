"""The report of an audit: one page that opens anywhere, tables, pictures, and every number with what repeats it."""

from __future__ import annotations

from labeltool.report.writing import expect_free, missing_parts, report_files, report_zip, write_report

__all__ = ["expect_free", "missing_parts", "report_files", "report_zip", "write_report"]
