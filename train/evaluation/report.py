"""What an evaluation leaves behind: ``evaluation.json``, ``evaluation.md``, ``scores.csv`` and four plots."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.errors import OutputError
from train.evaluation.bootstrap import LEVEL
from train.evaluation.metrics import ECE_BINS, TITLES
from train.evaluation.protocol import Evaluation, Slice
from train.evaluation.scoring import PRINTED_DECIMALS, ScoredImage

if TYPE_CHECKING:
    from scanner import Detector

SCHEMA_VERSION = 1

SCORES_COLUMNS = ("path", "label", "source", "group", "prob_fake", "status", "error")

_LIBRARIES = ("deepfake-scanner", "numpy", "scikit-learn", "pillow", "onnxruntime-gpu", "onnxruntime")
_SLICES_PER_TABLE = 4
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


@dataclass(frozen=True)
class Subject:
    """What was evaluated on what, for the head of a report. Names, not paths: reports travel."""

    model_file: str
    model_sha256: str
    model_name: str
    model_version: str
    calibrated: bool
    data: str
    """Name of the data's folder."""
    split: str
    manifest: str | None
    device: str
    provider: str

    @property
    def title(self) -> str:
        """One line for tables and plots."""
        return f"{self.model_name} {self.model_version} on {self.data}, {self.split}"


def describe(detector: Detector, data: Path, split: str, manifest: Path | None) -> Subject:
    """The head of a report about this model on this split."""
    return Subject(
        model_file=_text(detector.path.name),
        model_sha256=detector.sha256,
        model_name=detector.metadata.name,
        model_version=detector.metadata.version,
        calibrated=detector.metadata.calibrated,
        data=_text(data.resolve().name),
        split=split,
        manifest=_text(manifest.name) if manifest is not None else None,
        device=detector.device,
        provider=detector.provider,
    )


def write_evaluation(
    folder: Path, subject: Subject, evaluation: Evaluation, scored: Sequence[ScoredImage]
) -> list[Path]:
    """Write every file of the report into ``folder`` and return their paths, ``evaluation.json`` last.

    Each file appears whole or not at all. Raises :class:`OutputError`.
    """
    from train.evaluation import plots

    y, p, threshold = evaluation.labels, evaluation.prob_fake, evaluation.threshold.value
    title = subject.title
    pictures = [folder / name for name in ("roc.png", "reliability.png", "scores.png", "confusion.png")]
    texts = {
        folder / "scores.csv": scores_csv(scored),
        folder / "evaluation.md": as_markdown(subject, evaluation),
        folder / "evaluation.json": as_json(subject, evaluation),
    }
    try:
        plots.plot_roc(y, p, pictures[0], title=title, threshold=threshold)
        plots.plot_reliability(y, p, pictures[1], title=title)
        plots.plot_score_histograms(y, p, pictures[2], title=title, threshold=threshold)
        plots.plot_confusion(y, p, pictures[3], title=title, threshold=threshold)
        for path, text in texts.items():
            aside = path.with_name(f".{path.name}.part")
            aside.write_text(text, encoding="utf-8", newline="\n")
            aside.replace(path)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise OutputError(f"the evaluation cannot be written into {folder}: {reason}") from None
    return [*pictures, *texts]


def as_json(subject: Subject, evaluation: Evaluation) -> str:
    """The report for machines; ``null`` where a figure is undefined, never NaN."""
    overall = evaluation.overall
    document = {
        "schema": SCHEMA_VERSION,
        "model": {
            "file": subject.model_file,
            "sha256": subject.model_sha256,
            "name": subject.model_name,
            "version": subject.model_version,
            "calibrated": subject.calibrated,
        },
        "data": {"name": subject.data, "split": subject.split, "manifest": subject.manifest},
        "inference": {"device": subject.device, "provider": subject.provider},
        "threshold": {"value": evaluation.threshold.value, "origin": evaluation.threshold.origin},
        "bootstrap": {
            "method": "percentile, groups drawn with replacement",
            "level": LEVEL,
            "resamples": evaluation.resamples,
            "seed": evaluation.seed,
        },
        "ece_bins": ECE_BINS,
        "overall": _slice_as_dict(overall),
        "by_source": {_text(name): _slice_as_dict(one) for name, one in evaluation.by_source.items()},
        "not_scored": [
            {
                "path": _printed_path(one),
                "label": one.image.label.title,
                "status": one.status,
                "error": one.error,
            }
            for one in evaluation.not_scored
        ],
        "versions": {"python": platform.python_version(), **_versions()},
    }
    return json.dumps(document, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def as_markdown(subject: Subject, evaluation: Evaluation) -> str:
    """The report for people: Markdown that is a readable table in a terminal too."""
    threshold = evaluation.threshold
    lines = [
        f"# {subject.title}",
        "",
        f"Model {subject.model_file}, SHA-256 {subject.model_sha256[:12]}…, "
        + ("calibrated" if subject.calibrated else "not calibrated")
        + f"; run on {subject.device} ({subject.provider}).",
        f"Flagged when prob_fake ≥ {threshold.value:g} ({threshold.origin}); Fake is the positive class.",
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
    slices = [evaluation.overall, *evaluation.by_source.values()]
    for start in range(0, len(slices), _SLICES_PER_TABLE):
        lines += ["", *_table(slices[start : start + _SLICES_PER_TABLE])]
    return "\n".join(lines) + "\n"


def scores_csv(scored: Sequence[ScoredImage]) -> str:
    """One row per image in the tree's order, UTF-8, RFC 4180; empty = no value, and no cell is a formula."""
    import pandas as pd

    rows = [
        (
            _printed_path(one),
            one.image.label.title,
            _harmless(one.image.source),
            _harmless(one.image.group),
            "" if one.prob_fake is None else f"{one.prob_fake:.{PRINTED_DECIMALS}f}",
            one.status,
            one.error or "",
        )
        for one in scored
    ]
    text: str = pd.DataFrame(rows, columns=list(SCORES_COLUMNS)).to_csv(index=False, lineterminator="\n")
    return text


def _slice_as_dict(one: Slice) -> dict[str, Any]:
    return {
        "images": {
            "scored": one.real + one.fake,
            "real": one.real,
            "fake": one.fake,
            "not_scored": sum(one.not_scored.values()),
            "not_scored_by_error": one.not_scored,
        },
        "groups": one.groups,
        "metrics": {name: _figure_as_dict(one, name, value) for name, value in one.metrics.as_dict().items()},
        "confusion": asdict(one.confusion),
    }


def _figure_as_dict(one: Slice, name: str, value: float | None) -> dict[str, Any]:
    interval = one.intervals[name]
    return {
        "value": value,
        "interval": [interval.low, interval.high] if interval is not None else None,
        "undefined_resamples": interval.undefined if interval is not None else None,
    }


def _table(slices: Sequence[Slice]) -> Iterator[str]:
    rows = [["", *(_markdown_cell(one.name) for one in slices)]]
    rows.append(
        ["Images (Real + Fake)", *(f"{one.real + one.fake} ({one.real} + {one.fake})" for one in slices)]
    )
    rows.append(["Not scored", *(str(sum(one.not_scored.values())) for one in slices)])
    rows.append(["Groups", *(str(one.groups) for one in slices)])
    for name, title in TITLES.items():
        if name != "tpr":  # the same number as the recall
            rows.append([title, *(_cell(one, name) for one in slices)])
    rows.append(["Real: flagged / not", *(f"{one.confusion.fp} / {one.confusion.tn}" for one in slices)])
    rows.append(["Fake: flagged / not", *(f"{one.confusion.tp} / {one.confusion.fn}" for one in slices)])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for number, row in enumerate(rows):
        yield "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        if number == 0:
            yield "|" + "|".join("-" * (width + 2) for width in widths) + "|"


def _cell(one: Slice, name: str) -> str:
    value, interval = one.metrics.as_dict()[name], one.intervals[name]
    if value is None:
        return "undefined"
    return f"{value:.3f}" + (f" [{interval.low:.3f}, {interval.high:.3f}]" if interval is not None else "")


def _markdown_cell(text: str) -> str:
    return _text(text).replace("|", "\\|").replace("\n", " ")


def _printed_path(one: ScoredImage) -> str:
    from scanner import encode_path

    return encode_path(one.image.relative)


def _text(name: str) -> str:
    """A name as valid Unicode: a byte that was not UTF-8 becomes ``\\xHH``, as in a report's paths."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _harmless(name: str | None) -> str:
    """A manifest's text as a cell that no spreadsheet takes for a formula."""
    text = _text(name or "")
    return f"\\x{ord(text[0]):02x}{text[1:]}" if text.startswith(_FORMULA_STARTS) else text


def _versions() -> dict[str, str]:
    """Of what is installed; exactly one of the two onnxruntime distributions is."""
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
