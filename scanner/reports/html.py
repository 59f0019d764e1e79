"""One HTML page that needs nothing else: summary, histogram, the most suspicious pictures, all files as a table.

No script but the page's own may run (Content-Security-Policy with its hash), whatever files are called.
"""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Iterator
from pathlib import Path

from models.contract import Threshold
from models.support.errors import ExitCode
from scanner.judgement.judging import Judged
from scanner.judgement.policy import Verdict
from scanner.judgement.ranking import MostSuspicious
from scanner.reports import html_heat_maps
from scanner.reports.html_faces import LEGEND, VERDICT_WORDS, figure
from scanner.reports.html_rows import TableRows
from scanner.reports.report import TOOL, ReportContext, ReportFormat, RunEnd
from scanner.reports.row import COLUMNS, row_of
from scanner.reports.sinks import Sink
from scanner.results import Declared, Status
from scanner.results.preview import Preview

SCHEMA_VERSION = 1
BINS = 20
# One model made all scores of a page.
_SHOWN = tuple(name for name in COLUMNS if name != "model")
_BEGINNING = f"<!doctype html>\n<!-- {TOOL} report ".encode()
_PAGE = Path(__file__).with_name("page")


def looks_like_html(content: bytes) -> bool:
    return content.startswith(_BEGINNING) or _BEGINNING.startswith(content)


class HtmlReport:
    """Rows wait on the disk until the summary above them is known."""

    def __init__(self, sink: Sink, context: ReportContext) -> None:
        self._sink, self._facts, self._previews = sink, context.facts, context.previews
        self._rows = TableRows(_SHOWN)
        self._bins = [0] * BINS
        self._top = MostSuspicious()

    def begin(self) -> None:
        return

    def add(self, judged: Judged) -> None:
        row = row_of(judged, model_sha256=self._facts.model.sha256)
        prob_fake = row["prob_fake"]
        self._rows.add(row)
        if prob_fake is not None:
            self._bins[min(BINS - 1, int(prob_fake * BINS))] += 1
        self._top.add(judged.result)

    def end(self, end: RunEnd) -> None:
        script = (_PAGE / "page.js").read_text(encoding="utf-8")
        style = (_PAGE / "page.css").read_text(encoding="utf-8")
        self._has_heat_maps = self._previews is not None and html_heat_maps.has_heat_maps(self._top.results())
        if self._has_heat_maps:
            script, style = script + html_heat_maps.script(), style + html_heat_maps.style()
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
        policy = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
        self._write(_BEGINNING.decode() + f"schema {SCHEMA_VERSION} -->\n")
        self._write('<html lang="en">\n<head>\n<meta charset="utf-8">\n')
        self._write(f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n')
        self._write('<meta name="viewport" content="width=device-width, initial-scale=1">\n')
        self._write(f"<title>Deepfake scan</title>\n<style>\n{style}</style>\n</head>\n<body>\n")
        table = _table(end.tally.files, self._rows.left_out)
        for part in (self._summary(end), self._histogram(), self._faces(), table, self._origin(end)):
            for line in part:
                self._write(line + "\n")
        self._write('<script type="application/json" id="rows">[')
        for row in self._rows.lines():
            self._sink.write(row)
        self._write(f"\n]</script>\n<script>{script}</script>\n</body>\n</html>\n")

    def _write(self, text: str) -> None:
        self._sink.write(text.encode("utf-8", "backslashreplace"))

    def _summary(self, end: RunEnd) -> Iterator[str]:
        tally, policy, metadata = end.tally, self._facts.policy, self._facts.model.metadata
        yield "<h1>Deepfake scan</h1>"
        incomplete = end.code is ExitCode.INCOMPLETE
        complete = " The audit is <strong>not complete</strong>: see the errors below." if incomplete else ""
        yield (
            f"<p>{tally.files:,} files, model {_text(metadata.name)} {_text(metadata.version)}, "
            f"threshold {_text(policy.words())}.{complete}</p>"
        )
        if self._facts.redacted:
            yield '<p class="note">Names are redacted: file-0000001 is the first row of the report.</p>'
        yield '<div class="counts">'
        for verdict, word in VERDICT_WORDS.items():
            yield f'<div class="{verdict.value}"><b>{tally.verdicts[verdict]:,}</b>{word}</div>'
        for status, word in ((Status.ERROR, "could not be read"), (Status.SKIPPED, "skipped")):
            yield f"<div><b>{tally.statuses[status]:,}</b>{word}</div>"
        if generated := tally.declared[Declared.GENERATED]:
            yield f"<div><b>{generated:,}</b>say of themselves: generated</div>"
        yield "</div>"
        yield (
            '<p class="note">prob_fake is a probability under the data that the model was measured on, with the error '
            "rates of its card. It is no finding that a picture is false, and <em>real</em> means only that it was "
            "not flagged at this threshold.</p>"
        )

    def _histogram(self) -> Iterator[str]:
        yield "<h2>prob_fake of all scored files</h2>"
        width, height, most = 36, 120, max([*self._bins, 1])
        yield (
            f'<svg role="img" aria-label="Histogram of prob_fake" viewBox="0 0 {width * BINS} {height + 32}" '
            f'width="{width * BINS}" style="max-width:100%">'
        )
        for number, count in enumerate(self._bins):
            tall = height * count / most
            yield (
                f'<rect x="{number * width + 1}" y="{height - tall + 14:.1f}" width="{width - 2}" height="{tall:.1f}">'
                f"<title>{number / BINS:.2f}–{(number + 1) / BINS:.2f}: {count:,}</title></rect>"
            )
            if count:
                middle, above = (number + 0.5) * width, height - tall + 11
                yield f'<text x="{middle}" y="{above:.1f}" text-anchor="middle">{count:,}</text>'
        for tick in range(0, 11, 2):
            anchor = {0: "start", 10: "end"}.get(tick, "middle")
            yield f'<text x="{tick * width * BINS / 10}" y="{height + 29}" text-anchor="{anchor}">{tick / 10:g}</text>'
        at = self._facts.policy.threshold * width * BINS
        yield f'<line x1="{at:.1f}" x2="{at:.1f}" y1="6" y2="{height + 14}"><title>threshold</title></line></svg>'

    def _faces(self) -> Iterator[str]:
        ranked = self._top.results()
        if not ranked:
            return
        yield "<h2>Most suspicious</h2>"
        pictures: list[Preview | None] = [None] * len(ranked)
        if self._previews is not None:
            yield '<p class="note">This file shows pictures of people. Handle it as you would handle them.</p>'
            pictures = list(self._previews())
        with_boxes = any(picture is not None and picture.picture is not None for picture in pictures)
        if with_boxes:
            yield LEGEND
        if self._has_heat_maps:
            yield html_heat_maps.note()
        yield '<div class="faces pictures">' if with_boxes else '<div class="faces">'
        for result, picture in zip(ranked, pictures, strict=True):
            yield from figure(result, picture, self._facts.policy)
        yield "</div>"

    def _origin(self, end: RunEnd) -> Iterator[str]:
        facts, model, metadata = self._facts, self._facts.model, self._facts.model.metadata
        yield "<h2>How this came about</h2>"
        yield "<dl>"
        lines = {
            "tool": f"{TOOL} {facts.version}",
            "scanned": ", ".join(facts.inputs) or "a list of files",
            "started": facts.started.isoformat(timespec="seconds"),
            "took": f"{end.seconds:,.1f} s on {model.device} ({model.provider})",
            "model": f"{model.file}, SHA-256 {model.sha256}",
            "licence": metadata.license or "not stated",
            "calibrated": "yes" if metadata.calibrated else "no: prob_fake is a score, not a probability",
        }
        if end.tally.ignored:
            lines["left out by .scanignore"] = end.tally.ignored
        for name, threshold in sorted(metadata.thresholds.items()):
            lines[f"threshold {name}"] = _threshold_words(threshold)
        for term, words in lines.items():
            yield f"<dt>{_text(term)}</dt><dd>{_text(words)}</dd>"
        yield "</dl>"


def _threshold_words(threshold: Threshold) -> str:
    rates = [
        f"{name} {rate:.1%}"
        for name, rate in (("FPR", threshold.fpr), ("TPR", threshold.tpr))
        if rate is not None
    ]
    return f"{threshold.value:g}" + (f" ({', '.join(rates)} on {threshold.data})" if rates else "")


def _table(files: int, left_out: int) -> Iterator[str]:
    yield "<h2>All files</h2>" if not left_out else "<h2>Files</h2>"
    if left_out:
        yield (
            f'<p class="note">This table holds {files - left_out:,} of {files:,} files: flagged ones first, then '
            "inconclusive ones, those that could not be read, and the others by prob_fake. The other "
            f"{left_out:,} are counted above; the CSV report has a row for each.</p>"
        )
    yield "<noscript><p>The table needs JavaScript; the CSV report holds the same rows.</p></noscript>"
    yield '<div class="tools">'
    yield '<input type="search" id="search" placeholder="part of a path, or a SHA-256" aria-label="Search">'
    yield '<select id="show" aria-label="Show"><option value="">all files</option>'
    for value in (*Verdict, Status.ERROR, Status.SKIPPED):
        yield f"<option>{value.value}</option>"
    yield '</select><button id="back">previous</button><span id="place"></span><button id="on">next</button></div>'
    headers = "".join(f'<th scope="col"><button>{name}</button></th>' for name in _SHOWN)
    yield f'<div class="scroll"><table id="files"><thead><tr>{headers}</tr></thead><tbody></tbody></table></div>'


def _text(text: str) -> str:
    return html.escape(text, quote=True)


FORMAT = ReportFormat(looks_like_html, HtmlReport)
