"""A page about the agreement of labellers: one file, opens offline, prints."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

_STYLE = """
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; font: 15px/1.5 system-ui, sans-serif; color: #1c2430; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: 0.3rem 0.6rem; border-bottom: 1px solid #d8dde5; text-align: right; }
th:first-child, td:first-child { text-align: left; }
.dim { color: #5b6675; }
"""


def agreement_page(data: Mapping[str, Any]) -> str:
    """The page, of the data that `evaluate.agreeing.agreed_json` gives."""
    sources = ", ".join(html.escape(str(name)) for name in data["sources"])
    alone = ", ".join(f"{count:,} of {html.escape(str(name))}" for name, count in data["alone"].items())
    joints = [
        (
            row["joint"].replace("_", " "),
            f"{row['n']:,}",
            f"{row['only_one']:,}",
            _shown(row["ks"]),
            _shown(row["sigma"]),
            "" if row["sigma_low"] is None else f"{row['sigma_low']:.3f} to {row['sigma_high']:.3f}",
            _shown(row["robust_sigma"]),
            f"{row['given_sigma']:.3f}",
            _share(row["within_1_sigma"]),
            _share(row["within_2_sigma"]),
            _share(row["within_3_sigma"]),
            _share(row["same_flag"]),
        )
        for row in data["joints"]
    ]
    least = [(r["file_name"], _shown(r["oks"]), r["joint"].replace("_", " "), _shown(r["ks"])) for r in data["least"]]
    heads = (
        "Joint", "Both", "One only", "Mean ks", "Sigma", "95 %", "Robust", "Given", "In 1 σ", "In 2 σ", "In 3 σ", "Same v",
    )  # fmt: skip
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Agreement of labellers</title><style>{_STYLE}</style>'
    first = (
        f"{sources}: {data['pairs']:,} people labelled twice on {data['photos']:,} shared photos. With nobody to match: {alone}. "
        f"<b>Median OKS {_shown(data['median_oks'])}</b>; that of COCO's own annotators is about .91."
    )
    meaning = (
        "Sigma: the root of the mean squared distance between two labels over the person's area, as COCO measured its own, with "
        f"the interval of a bootstrap by photo ({data['replicates']:,} replicates, seed {data['seed']}). Robust: from the "
        "median, which a few swaps do not move. Given: the skeleton's. In n σ: shares within n times the given sigma; COCO's "
        "annotators reach 75, 95 and 98.7 %. Same v: of the joints that both labelled, the share with the same flag."
    )
    return (
        f"{head}<h1>Agreement of labellers</h1><p>{first}</p>{_table(heads, joints)}<p class=dim>{meaning}</p>"
        f"<h2>Least agreed</h2>{_table(('Photo', 'OKS', 'Farthest joint', 'ks'), least)}</html>\n"
    )


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{html.escape(text)}</th>" for text in heads)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(text)}</td>" for text in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"
