"""``evaluation.json``: the report for machines; ``null`` where a figure is undefined, never NaN."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from train.evaluation.bootstrap import LEVEL, Interval
from train.evaluation.comparison import Comparison
from train.evaluation.extras import NO_EXTRAS, Extras
from train.evaluation.held_out import RATE, HeldOut
from train.evaluation.metrics import ECE_BINS
from train.evaluation.protocol import Evaluation, Slice
from train.evaluation.robustness import Condition
from train.evaluation.scores_csv import printed_path
from train.evaluation.sharpness import RankCorrelation, Sharpness
from train.evaluation.shortcuts import Probe
from train.evaluation.subject import Subject, as_text, versions

SCHEMA_VERSION = 1


def as_json(subject: Subject, evaluation: Evaluation, extras: Extras = NO_EXTRAS) -> str:
    """The whole document, indented, with a line end."""
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
        "threshold": evaluation.threshold.as_config(),
        "bootstrap": {
            "method": "percentile, groups drawn with replacement",
            "level": LEVEL,
            "resamples": evaluation.resamples,
            "seed": evaluation.seed,
        },
        "ece_bins": ECE_BINS,
        "overall": _slice_as_dict(overall),
        "by_source": {as_text(name): _slice_as_dict(one) for name, one in evaluation.by_source.items()},
        "held_out_sources": _held_out_as_dict(evaluation.held_out) if evaluation.held_out else None,
        "not_scored": [
            {
                "path": printed_path(one),
                "label": one.image.label.title,
                "status": one.status,
                "error": one.error,
            }
            for one in evaluation.not_scored
        ],
        "left_out": dict(extras.left_out),
        "labels": extras.join.as_config() if extras.join is not None else None,
        "robustness": [_condition_as_dict(one) for one in extras.robustness] or None,
        "shortcut_probe": _probe_as_dict(extras.probe) if extras.probe is not None else None,
        "sharpness_of_reals": _sharpness_as_dict(extras.sharpness) if extras.sharpness else None,
        "against": _comparison_as_dict(extras.comparison, extras.other) if extras.comparison else None,
        "versions": versions(),
    }
    return json.dumps(document, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


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


def _held_out_as_dict(held_out: HeldOut) -> dict[str, Any]:
    return {
        "rate": RATE,
        "pooled": _with_interval(held_out.pooled.value, held_out.pooled.interval),
        "of_a_source": _with_interval(held_out.of_a_source.value, held_out.of_a_source.interval),
        "by_source": {
            as_text(name): {
                "real": one.real,
                "flagged": one.flagged,
                "value": one.value,
                "interval": [one.interval.low, one.interval.high],
                "threshold": one.threshold,
                "chosen_on": one.chosen_on,
            }
            for name, one in held_out.by_source.items()
        },
    }


def _figure_as_dict(one: Slice, name: str, value: float | None) -> dict[str, Any]:
    return _with_interval(value, one.intervals[name])


def _with_interval(value: float | None, interval: Interval | None) -> dict[str, Any]:
    return {
        "value": value,
        "interval": [interval.low, interval.high] if interval is not None else None,
        "undefined_resamples": interval.undefined if interval is not None else None,
    }


def _condition_as_dict(one: Condition) -> dict[str, Any]:
    figures: Mapping[str, Any] = {
        name: _with_interval(value, one.intervals[name]) for name, value in one.values.items()
    }
    by_source = {as_text(source): dict(values) for source, values in one.by_source.items()}
    change = _with_interval(one.change.difference, one.change.interval) if one.change is not None else None
    return {
        "condition": one.name,
        "figures": figures,
        "roc_auc_change": change,
        "not_scored": one.not_scored,
        "by_source": by_source,
    }


def _probe_as_dict(probe: Probe) -> dict[str, Any]:
    return {
        "roc_auc": probe.auc,
        "images": probe.images,
        "standardised_weights": probe.weights,
        "roc_auc_by_source": probe.by_source,
    }


def _sharpness_as_dict(sharpness: Sharpness) -> dict[str, Any]:
    def as_dict(one: RankCorrelation) -> dict[str, Any]:
        return {"images": one.images, "spearman": _with_interval(one.value, one.interval)}

    by_source = {as_text(source): as_dict(one) for source, one in sharpness.by_source.items()}
    return {"overall": as_dict(sharpness.overall), "by_source": by_source}


def _comparison_as_dict(comparison: Comparison, other: Subject | None) -> dict[str, Any]:
    figures = {
        name: {
            "ours": one.ours,
            "theirs": one.theirs,
            **_with_interval(one.difference, one.interval),
            "decided": one.decided,
        }
        for name, one in comparison.figures.items()
    }
    return {
        "model": {"file": other.model_file, "sha256": other.model_sha256} if other is not None else None,
        "images": comparison.images,
        "left_out": comparison.left_out,
        "figures": figures,
    }
