"""JSON Lines, schema 1: everything that is known of each file, one object a line."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from scanner.judgement.judging import Judged
from scanner.reports.report import ReportContext, ReportFormat, RunEnd
from scanner.reports.row import row_of
from scanner.reports.sinks import Sink
from scanner.results import Finding, UnscoredFace

SCHEMA = "deepfake-scanner/file/1"
_BEGINNING = f'{{"schema":"{SCHEMA[:-1]}'.encode()


def looks_like_jsonl(content: bytes) -> bool:
    return content.startswith(_BEGINNING) or _BEGINNING.startswith(content)


class JsonlReport:
    """UTF-8; numbers as the model gave them, ``prob_fake`` rounded as in every report."""

    def __init__(self, sink: Sink, context: ReportContext) -> None:
        self._sink, self._model = sink, context.facts.model.sha256

    def begin(self) -> None:
        return

    def add(self, judged: Judged) -> None:
        row = row_of(judged, model_sha256=self._model)
        if row["model"] is not None:
            row["model"] = self._model
        result = judged.result
        findings = [{**finding_values(finding), **_cam(finding)} for finding in result.findings]
        record = {"schema": SCHEMA, **row, "detail": result.detail or None, "findings": findings}
        if result.faces is not None:
            record["unscored_faces"] = [_unscored(face) for face in result.unscored_faces]
        if (coverage := result.coverage) is not None:
            record["coverage"] = {
                name: value for name, value in asdict(coverage).items() if value is not None
            }
        if result.credentials is not None:
            record["c2pa"] = result.credentials.values()
        if result.tracks:
            record["tracks"] = [asdict(track) for track in result.tracks]
        line = json.dumps(record, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        self._sink.write(line.encode("utf-8", "backslashreplace") + b"\n")

    def end(self, end: RunEnd) -> None:
        return


def finding_values(finding: Finding) -> dict[str, Any]:
    """Plain values; ``face`` is missing where no face was looked for, ``track`` where none was followed."""
    values = {
        "logit": finding.logit,
        "prob_fake": finding.prob_fake,
        "region": list(finding.region.edges),
        "frame": finding.frame,
        "time": finding.time,
    }
    told = {"face": finding.face, "track": finding.track}
    return values | {name: value for name, value in told.items() if value is not None}


def _cam(finding: Finding) -> dict[str, Any]:
    """Where ``--heatmaps`` asked for a map: its cells, or ``null`` for one that could not be made."""
    return {} if finding.heat_map is None else {"cam": finding.heat_map.grid}


def _unscored(face: UnscoredFace) -> dict[str, Any]:
    values = {
        "region": list(face.region.edges),
        "side": face.side,
        "face": face.face,
        "reason": face.reason.value,
    }
    return values if face.time is None else {**values, "frame": face.frame, "time": face.time}


FORMAT = ReportFormat(looks_like_jsonl, JsonlReport)
