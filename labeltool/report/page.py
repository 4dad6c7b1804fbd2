"""report.html: one file with its style, plots and pictures inside, for the screen and for paper."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from html import escape
from importlib.resources import files
from typing import Any

import numpy as np
import pandas as pd

from labeltool import __version__
from labeltool.audit import KINDS, OVERALL
from labeltool.audit.diagnosis import GOOD_KS, INVERSION_MARGIN, NEAR_KS
from labeltool.evaluate import Comparison, Study
from labeltool.evaluate.study import SURE, WANTED_PRECISION
from labeltool.report.findings import findings, headed, share, spoken, verdict
from labeltool.report.gallery import Gallery
from labeltool.report.markup import bar, between, chance, degrees, percent, side_by_side, signed, table
from labeltool.report.tables import PDJ, angle_frame, calibration_frame, comparison_frame, joint_frame, slice_frame

#: How a value of a column is written.
Writer = Callable[[Any], str]


def report_page(study: Study, comparison: Comparison | None, plots: Mapping[str, str], gallery: Gallery) -> str:
    """The whole page.

    Args:
        study: the model that the report is about.
        comparison: it and another one, or None.
        plots: SVG by name.
        gallery: pictures of people.
    """
    title = f"Audit of {study.title}" + ("" if comparison is None else f" versus {comparison.b.title}")
    style = files("labeltool.report").joinpath("report.css").read_text(encoding="utf-8")
    body = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="soft">{_subtitle(study)}</p>',
        _cards(study),
        _short(study, comparison),
        *_comparison(comparison, plots),
        _joints(study, plots),
        _errors(study, plots),
        _groups(study),
        _calibration(study, plots),
        _angles(study),
        _people(study, gallery),
        _method(study, comparison),
    ]
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{escape(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
        + "\n".join(body)
        + "\n</body>\n</html>\n"
    )


def _subtitle(study: Study) -> str:
    labels = study.subject.labels
    images = len(np.unique(labels.image[labels.people]))
    joints = int(labels.labelled[labels.people].sum())
    return (
        f"{int(labels.people.sum()):,} labelled people with {joints:,} joints in {images:,} images of "
        f"{escape(study.subject.source)}; skeleton {escape(study.subject.skeleton.name)}; "
        f"{study.choices.confidence:.0%} intervals in brackets"
    )


def _cards(study: Study) -> str:
    result, intervals = study.result, study.intervals
    cards = []
    for name, text, key in (
        ("mean ks, all joints", "a missed joint counts as 0", ("ks", OVERALL)),
        ("PDJ@0.2", f"coverage {percent(result.pdj.coverage)} of the people", (PDJ, OVERALL)),
        ("AP", "OKS .50 to .95", ("AP", OVERALL)),
        ("AP50", "OKS .50", ("AP50", OVERALL)),
        ("AR", "OKS .50 to .95", ("AR", OVERALL)),
    ):
        i = intervals[key]
        between = "" if np.isnan(i.value) else f" <small>[{share(i.low)}, {share(i.high)}]</small>"
        cards.append((name, share(i.value) + between, text))
    found = result.diagnosis
    cards.append(("people missed", f"{found.people_missed:,}", f"of {found.people:,}, matched at OKS ≥ .1"))
    cards.append(("background", f"{found.background:,}", f"of {found.detections:,} detections find nobody"))
    inside = "".join(
        f'<div class="card"><span>{escape(name)}</span><b>{value}</b><span>{escape(text)}</span></div>'
        for name, value, text in cards
    )
    return f'<div class="cards">{inside}</div>'


def _short(study: Study, comparison: Comparison | None) -> str:
    lines = [*([] if comparison is None else verdict(comparison)), *findings(study)]
    notes = [*study.result.notes, *study.notes]
    points = "".join(f"<li>{escape(line)}</li>" for line in lines)
    warnings = "".join(f'<p class="note">{escape(headed(note))}</p>' for note in notes)
    return f"<h2>In short</h2>\n<ul>{points}</ul>\n{warnings}"


def _comparison(comparison: Comparison | None, plots: Mapping[str, str]) -> list[str]:
    if comparison is None:
        return []
    a, b = comparison.a.title, comparison.b.title
    frame = comparison_frame(comparison)
    tables = []
    for metric, text in (("ks", "Mean ks"), (PDJ, "PDJ@0.2")):
        rows = frame[frame["metric"] == metric]
        tables.append(_difference_table(rows, f"{text} by joint", a, b))
    whole = frame[frame["metric"].isin(["oks", "AP", "AP50", "AP75", "AR"])].assign(
        joint=lambda f: f["metric"].replace("oks", "mean OKS")
    )
    tables.append(_difference_table(whole, "Whole people", a, b))
    return [
        f"<h2>{escape(a)} versus {escape(b)}</h2>",
        "<p>Both models on the same people. In every replicate the same images are drawn for both, so that what is hard for both "
        "cancels out. P(ahead) is the share of replicates in which the first is ahead, a tie as half. Blue: the interval "
        "of the difference leaves out zero. Many joints are looked at: one of twenty such intervals leaves out zero by "
        "chance.</p>",
        side_by_side(
            plots, ("difference-ks", f"Difference of mean ks, {a} − {b}."), ("difference-pdj", "Difference of PDJ@0.2.")
        ),
        *tables,
    ]


def _difference_table(rows: pd.DataFrame, caption: str, a: str, b: str) -> str:
    def difference(row: Any) -> str:
        word = "ahead" if row["low"] > 0 else "behind" if row["high"] < 0 else ""
        return f'<span class="{word}">{signed(row["difference"])}</span>'

    body = [
        [
            escape(spoken(row["joint"])),
            share(row["a"]),
            share(row["b"]),
            difference(row),
            f"<small>{signed(row['low'])} to {signed(row['high'])}</small>",
            chance(row["p_a_better"]),
        ]
        for _, row in rows.iterrows()
    ]
    heads = ["", escape(a), escape(b), "difference", "interval", "P(ahead)"]
    return table(heads, body, caption, total=OVERALL)


def _joints(study: Study, plots: Mapping[str, str]) -> str:
    frame = joint_frame(study)
    body = []
    for _, row in frame.iterrows():
        body.append(
            [
                escape(spoken(row["joint"])),
                f"{row['labelled']:,}",
                f"{row['missed']:,}",
                bar(row["ks"]) + share(row["ks"]),
                between(row["ks_low"], row["ks_high"]),
                f"{row['pdj_counted']:,}",
                bar(row["pdj"]) + share(row["pdj"]),
                between(row["pdj_low"], row["pdj_high"]),
                share(row["pdj_auc"]),
                "–" if np.isnan(row["error_px"]) else f"{row['error_px']:.1f}",
            ]
        )
    heads = ["joint", "labelled", "missed", "mean ks", "", "n PDJ", "PDJ@0.2", "", "AUC", "error px"]
    note = (
        "Labelled: joints with v = 1 or 2. Missed: no prediction, counted as ks 0 and as not detected. n PDJ: joints of people "
        "with both torso ends labelled."
    )
    return "\n".join(
        [
            "<h2>Joint by joint</h2>",
            table(heads, body, note, total=OVERALL),
            side_by_side(
                plots,
                ("joints-ks", "Mean ks by joint with its bootstrap interval; the broken line is all joints together."),
                ("joints-pdj", "PDJ at 0.2 torso diameters, likewise."),
                ("pdj-curves", f"PDJ by threshold; area under the curve of all joints {share(study.result.pdj.auc)}."),
            ),
        ]
    )


def _errors(study: Study, plots: Mapping[str, str]) -> str:
    frame = joint_frame(study)
    body = [
        [
            escape(spoken(row["joint"])),
            f"{row['diagnosed']:,}",
            *(percent(row[kind], 1) for kind in KINDS),
        ]
        for _, row in frame.iterrows()
    ]
    gains = ", ".join(f"{kind.replace('_', ' ')} {signed(gain)}" for kind, gain in study.gains.items())
    return "\n".join(
        [
            "<h2>What went wrong</h2>",
            "<p>Every joint of a matched person is held against its own label, its left-right mirror, and the joints of the "
            f"others in the image. <b>Good</b>: ks ≥ {GOOD_KS:g}. <b>Jitter</b>: {NEAR_KS:g} to {GOOD_KS:g}. <b>Inversion</b>: "
            f"nearer to its mirror, by more than {INVERSION_MARGIN:g} ks. <b>Swap</b>: nearer to somebody "
            "else's joint. <b>Miss</b>: near none.</p>",
            table(["joint", "joints", *KINDS], body, "Shares of the labelled joints of matched people.", total=OVERALL),
            side_by_side(
                plots,
                ("errors", "Kinds of errors by joint."),
                (
                    "confusion",
                    "On which joint of the person a predicted joint lies, in percent of its row; none: no joint within ks .5.",
                ),
            ),
            f"<p>How much AP would rise if one kind of error were fixed and all else stayed: {escape(gains)}.</p>",
        ]
    )


def _groups(study: Study) -> str:
    body, last = [], ""
    for _, row in slice_frame(study).iterrows():
        if not row["people"]:
            continue
        body.append(
            [
                escape(row["group"]) if row["group"] != last else "",
                f'<span class="left">{escape(row["name"])}</span>',
                f"{row['people']:,}",
                f"{row['joints']:,}",
                share(row["ks"]),
                between(row["ks_low"], row["ks_high"]),
                share(row[PDJ]),
                between(row[f"{PDJ}_low"], row[f"{PDJ}_high"]),
                share(row["AP"]),
                between(row["AP_low"], row["AP_high"]),
            ]
        )
        last = row["group"]
    heads = ["group", "", "people", "joints", "mean ks", "", "PDJ@0.2", "", "AP", ""]
    note = "AP of a group counts the false detections of its images: compare it between models, not between groups."
    return "<h2>On whom</h2>\n" + table(heads, body, note)


def _calibration(study: Study, plots: Mapping[str, str]) -> str:
    if study.calibration is None:
        return ""
    body = [
        [
            escape(spoken(row["joint"])),
            f"{row['n']:,}",
            share(row["right"]),
            share(row["calibration_error"]),
            "always" if np.isnan(row["look_below"]) else share(row["look_below"]),
            percent(row["kept"]),
            share(row["precision"]),
            percent(row["caught"]),
        ]
        for _, row in calibration_frame(study).iterrows()
    ]
    heads = [
        "joint",
        "predictions",
        "right",
        "calibration error",
        "look below",
        "need no look",
        "right among these",
        "errors caught",
    ]
    note = (
        f"Right: ks ≥ .5. Look below: the confidence from which on {WANTED_PRECISION:.0%} of the predictions are right "
        f"with {SURE:.0%} certainty (lower end of the Wilson interval), chosen on these labels; 'always' where no "
        "threshold reaches it."
    )
    return "\n".join(
        [
            "<h2>What the model's confidence is worth</h2>",
            side_by_side(
                plots,
                ("reliability", "Share of right joints by the model's confidence; on the broken line the two agree."),
                (
                    "distances",
                    "Distance from the label of the predictions at or above a confidence; grey: the share of them that stays.",
                ),
            ),
            table(heads, body, note),
        ]
    )


def _angles(study: Study) -> str:
    frame = angle_frame(study)
    if not frame["measured"].sum():
        return ""
    body = [
        [
            escape(spoken(row["angle"])),
            f"{row['measured']:,}",
            f"{row['missing']:,}",
            degrees(row["mean_error"]),
            degrees(row["mean_signed"], "+"),
            percent(row["within_10"]),
        ]
        for _, row in frame.iterrows()
    ]
    heads = ["angle at", "measured", "missing", "mean error", "signed", "within 10°"]
    note = "Angles as the photo shows them, in degrees; signed: positive where the model straightens the joint."
    return "<h2>Joint angles</h2>\n" + table(heads, body, note)


def _people(study: Study, gallery: Gallery) -> str:
    lines = [
        "<h2>Worst first</h2>",
        '<p><span class="green">Green</span>: the label. <span class="red">Red</span>: the prediction. Yellow: from where a '
        "joint was predicted to where it is labelled.</p>",
    ]
    if not gallery.pictures:
        lines.append(
            '<p class="note">No pictures: the photos are not at hand (with files, give their folder by --images).</p>'
        )
    for name, shown in gallery.pictures:
        figures = []
        for picture in shown:
            data = base64.b64encode(picture.content).decode("ascii")
            text = f"{escape(picture.caption)}<br>{escape(picture.where)}"
            figures.append(
                f'<figure><img alt="{escape(picture.where)}" src="data:image/jpeg;base64,{data}">'
                f"<figcaption>{text}</figcaption></figure>"
            )
        lines.append(f'<h3>{escape(headed(spoken(name)))}</h3>\n<div class="people">{"".join(figures)}</div>')
    return "\n".join(lines)


def _method(study: Study, comparison: Comparison | None) -> str:
    subject, choices = study.subject, study.choices
    skeleton = subject.skeleton
    scale = {
        "area": "s² = the label's area (COCO)",
        "bbox-diagonal": "s² = w² + h² of the label's box (the lecture's; not COCO's numbers)",
    }[choices.scale]
    sources: dict[str, list[str]] = {}
    for joint, sigma, source in zip(skeleton.joints, skeleton.sigmas, skeleton.sigma_sources, strict=True):
        sources.setdefault(source, []).append(f"{spoken(joint)} {sigma:g}")
    torso = "none" if skeleton.torso is None else " to ".join(map(spoken, skeleton.torso))
    rows = [
        ("Labels", f"{subject.source}, SHA-256 {subject.labels_hash()}"),
        ("Area of the labels", ", ".join(f"{source}: {n:,}" for source, n in subject.area_sources.items()) or "–"),
    ]
    for one in [study] if comparison is None else [comparison.a, comparison.b]:
        rows += [
            (f"Model {one.title}", f"weights {one.subject.model.weights_hash or 'unknown'}"),
            ("Its predictions", f"SHA-256 {one.subject.detections_hash()}"),
        ]
    rows += [
        ("Similarity", f"ks = exp(−d² / (2 s² k²)), k = 2σ, {scale}; OKS is the mean ks of a person's labelled joints"),
        *(("σ", f"{', '.join(joints)}: {source}") for source, joints in sources.items()),
        ("PDJ", f"joints within t torso diameters ({torso}) of the label"),
        (
            "Which detection",
            "per-joint numbers: the one made on the person's box, else the one of greatest OKS; AP, AR and errors: COCO's",
        ),
        (
            "Intervals",
            f"bootstrap by image, {choices.replicates:,} replicates, seed {choices.seed}, percentiles, {choices.confidence:.0%}",
        ),
        ("Made by", f"labeltool {__version__}; every number is in audit.json and tables/"),
    ]
    inside = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in rows)
    return f"<h2>How it was measured</h2>\n<dl>{inside}</dl>"
