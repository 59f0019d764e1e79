"""The figures as tables of text, and ``evaluation.md``: Markdown that is readable in a terminal too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from train.evaluation.bootstrap import LEVEL, Interval
from train.evaluation.comparison import Comparison
from train.evaluation.extras import NO_EXTRAS, Extras
from train.evaluation.held_out import RATE, HeldOut, Rate
from train.evaluation.metrics import TITLES
from train.evaluation.protocol import Evaluation, Slice
from train.evaluation.robustness import Condition
from train.evaluation.sharpness import Sharpness
from train.evaluation.subject import Subject, as_text

HELD_OUT_TITLE = "False positives on a source that had no part in the threshold"
_SLICES_PER_TABLE = 4

Table = list[list[str]]
"""Rows of cells, the first one being the header."""


def as_markdown(subject: Subject, evaluation: Evaluation, extras: Extras = NO_EXTRAS) -> str:
    """The report for people."""
    threshold = evaluation.threshold
    lines = [
        f"# {subject.title}",
        "",
        f"Model {subject.model_file}, SHA-256 {subject.model_sha256[:12]}…, "
        + ("calibrated" if subject.calibrated else "not calibrated")
        + f"; run on {subject.device} ({subject.provider}).",
        f"Flagged when prob_fake ≥ {threshold.words()}; Fake is the positive class.",
    ]
    if evaluation.resamples:
        lines.append(
            f"Brackets: {100 * LEVEL:g} % bootstrap interval, {evaluation.resamples} draws of whole groups."
        )
    if evaluation.not_scored:
        reasons = ", ".join(f"{code} {count}" for code, count in evaluation.overall.not_scored.items())
        lines += [
            "",
            f"**Could not be scored: {len(evaluation.not_scored)}** ({reasons}); in no figure below.",
        ]
    if said := left_out_line(extras):
        lines += ["", said]
    if (held_out := evaluation.held_out) is not None:
        lines += ["", f"## {HELD_OUT_TITLE}", "", held_out_line(held_out), ""]
        lines += _markdown(held_out_table(held_out))
        lines += ["", "## Figures"]
    for table in figure_tables(evaluation):
        lines += ["", *_markdown(table)]
    if extras.robustness:
        lines += ["", "## Robustness", "", *_markdown(robustness_table(extras.robustness))]
    if extras.probe is not None:
        auc = "undefined" if extras.probe.auc is None else f"{extras.probe.auc:.3f}"
        lines += ["", "## Shortcut probe", ""]
        lines += [f"AUC of a logistic regression that sees no face: {auc} ({extras.probe.images} images)."]
        if extras.probe.by_source:
            lines += ["", "| within | probe's AUC |", "|---|---|"]
            lines += [
                f"| {name} | {'undefined' if value is None else f'{value:.3f}'} |"
                for name, value in extras.probe.by_source.items()
            ]
    if extras.sharpness is not None:
        lines += ["", "## Sharpness of real images", "", *_markdown(sharpness_table(extras.sharpness))]
    if extras.comparison is not None:
        other = f"{extras.other.model_name} {extras.other.model_version}" if extras.other else "another model"
        lines += ["", f"## Against {other}", "", *_markdown(comparison_table(extras.comparison))]
    return "\n".join(lines) + "\n"


def left_out_line(extras: Extras) -> str:
    """What lies in the class folders and was not given to the model; empty when there is nothing."""
    if not extras.left_out:
        return ""
    reasons = ", ".join(f"{reason} {number}" for reason, number in extras.left_out.items())
    return f"Left out, being no images: {sum(extras.left_out.values())} ({reasons}); in no figure below."


def held_out_line(held_out: HeldOut) -> str:
    """The headline: what a new kind of pictures meets."""
    name, worst = max(held_out.by_source.items(), key=lambda item: item[1].value)
    return (
        f"Each source was left out in turn, and the threshold for {RATE:.0%} chosen on the real images of the others. "
        f"Of all real images, {_share(held_out.pooled)} were then flagged; of a source, "
        f"{_share(held_out.of_a_source)} on average, and at most {worst.value:.1%} "
        f"({as_text(name)}: {worst.flagged} of {worst.real})."
    )


def held_out_table(held_out: HeldOut) -> Table:
    """A row per source that was left out."""
    rows = [["Left out", "Real images", "Flagged", "FPR", "Threshold of the others", "Their real images"]]
    for name, one in held_out.by_source.items():
        cells = [str(one.real), str(one.flagged), _cell(one.value, one.interval), f"{one.threshold:g}"]
        rows.append([as_text(name), *cells, str(one.chosen_on)])
    return rows


def _share(rate: Rate) -> str:
    between = f" [{rate.interval.low:.1%}, {rate.interval.high:.1%}]" if rate.interval is not None else ""
    return f"{rate.value:.1%}{between}"


def figure_tables(evaluation: Evaluation) -> Iterator[Table]:
    """All images and each source, a few columns at a time."""
    slices = [evaluation.overall, *evaluation.by_source.values()]
    for start in range(0, len(slices), _SLICES_PER_TABLE):
        yield _figures(slices[start : start + _SLICES_PER_TABLE])


def robustness_table(conditions: Sequence[Condition]) -> Table:
    """A row per condition; the last columns are the AUC of each source."""
    sources = sorted(conditions[0].by_source) if conditions else []
    rows = [
        [
            "Condition",
            "ROC-AUC",
            "Change",
            "FPR at threshold",
            "TPR at threshold",
            "Not scored",
            *(f"AUC {as_text(s)}" for s in sources),
        ]
    ]
    for one in conditions:
        auc, *flagged = [_cell(one.values[name], one.intervals[name]) for name in ("roc_auc", "fpr", "tpr")]
        change = _cell(one.change.difference, one.change.interval, signed=True) if one.change else ""
        rows.append(
            [
                one.name,
                auc,
                change,
                *flagged,
                str(one.not_scored),
                *(_cell(one.by_source[s]["roc_auc"], None) for s in sources),
            ]
        )
    return rows


def sharpness_table(sharpness: Sharpness) -> Table:
    """How far the scores of real images follow their sharpness, all together and by source."""
    rows = [["Source", "Real images", "Spearman of sharpness and prob_fake"]]
    for name, one in {"all": sharpness.overall, **sharpness.by_source}.items():
        rows.append([as_text(name), str(one.images), _cell(one.value, one.interval, signed=True)])
    return rows


def comparison_table(comparison: Comparison) -> Table:
    """Ours, theirs, and the paired interval of the difference."""
    rows = [["", "Ours", "Theirs", "Difference", "Decided"]]
    for name, one in comparison.figures.items():
        difference = _cell(one.difference, one.interval, signed=True)
        decided = "yes" if one.decided else "no"
        rows.append([TITLES[name], _cell(one.ours, None), _cell(one.theirs, None), difference, decided])
    return rows


def _figures(slices: Sequence[Slice]) -> Table:
    rows = [["", *(as_text(one.name) for one in slices)]]
    rows.append(
        ["Images (Real + Fake)", *(f"{one.real + one.fake} ({one.real} + {one.fake})" for one in slices)]
    )
    rows.append(["Not scored", *(str(sum(one.not_scored.values())) for one in slices)])
    rows.append(["Groups", *(str(one.groups) for one in slices)])
    for name, title in TITLES.items():
        if name != "tpr":  # the same number as the recall
            rows.append([title, *(_cell(one.metrics.as_dict()[name], one.intervals[name]) for one in slices)])
    rows.append(["Real: flagged / not", *(f"{one.confusion.fp} / {one.confusion.tn}" for one in slices)])
    rows.append(["Fake: flagged / not", *(f"{one.confusion.tp} / {one.confusion.fn}" for one in slices)])
    return rows


def _cell(value: float | None, interval: Interval | None, *, signed: bool = False) -> str:
    if value is None:
        return "undefined"
    form = "+.3f" if signed else ".3f"
    return f"{value:{form}}" + (
        f" [{interval.low:{form}}, {interval.high:{form}}]" if interval is not None else ""
    )


def _markdown(rows: Table) -> Iterator[str]:
    rows = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for number, row in enumerate(rows):
        yield "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        if number == 0:
            yield "|" + "|".join("-" * (width + 2) for width in widths) + "|"
