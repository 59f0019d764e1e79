"""A report of a million rows: what its page, and a review of it, cost.

    python -m bench.review [--rows N] [--json FILE]

The rows are made by rule, with real files behind the first ones of the review. The page is written by the report's own
code in a process of its own, and the server is the real command. Needs Linux.
"""

from __future__ import annotations

import hashlib
import http.client
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
from PIL import Image

MIB = 1 << 20
_FILES = 50
"""Pictures that are there: the most suspicious ones."""

_ROW: dict[str, Any] = {
    "schema": "deepfake-scanner/file/1",
    "path": "",
    "status": "ok",
    "prob_fake": 0.0,
    "verdict": "",
    "error": None,
    "format": "JPEG",
    "width": 1024,
    "height": 768,
    "bytes": 200_000,
    "sha256": "",
    "model": "ab" * 32,
    "frames": 1,
    "baseline": None,
    "provenance": None,
    "faces": 1,
    "where": "0.1000 0.1000 0.8000 0.9000",
    "detail": None,
    "findings": [],
}

PAGE = """
import json, resource, sys
from collections import Counter
from datetime import datetime, UTC
from models.contract import InputSpec, ModelMetadata
from models.support.errors import ExitCode
from scanner.judgement.judging import Judged
from scanner.judgement.policy import Gate, Policy
from scanner.judgement.tally import Tally
from scanner.reports.html import HtmlReport
from scanner.reports.report import ReportContext, RunEnd, RunFacts
from scanner.reports.sinks import FileSink
from scanner.results import FileResult, Finding, Status
from scanner.results.model import ModelFacts
from pathlib import Path
rows, policy = int(sys.argv[1]), Policy(0.7, 0.4, "option")
model = ModelFacts("m.onnx", "ab" * 32, ModelMetadata("m", "1", "fake"), InputSpec(1, 260), "cpu", "CPU", {})
facts = RunFacts("1", model, policy, Gate(), ["in"], datetime.now(UTC))
sink = FileSink(Path(sys.argv[2]), lambda data: True)
report, tally = HtmlReport(sink, ReportContext(facts)), Tally()
report.begin()
for number in range(rows):
    p = (number * 7919 % rows) / rows
    result = FileResult(f"in/{number % 1000:03}/{number:07}.jpg", Status.OK, findings=(Finding(0.0, p),),
                        format="JPEG", width=1024, height=768, bytes=200_000, sha256=f"{number:064x}", frames=1)
    verdict = policy.verdict(result)
    tally.verdicts[verdict] += 1
    tally.statuses[result.status] += 1
    report.add(Judged(result, verdict, False))
report.end(RunEnd(tally, ExitCode.FINDINGS, 1.0))
sink.commit()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def write_report(folder: Path, rows: int) -> Path:
    """``report.jsonl``: every value of the score, a copy in every hundred, and real files at the top."""
    report = folder / "report.jsonl"
    (folder / "in").mkdir()
    with report.open("w", encoding="utf-8") as stream:
        for number in range(rows):
            place = number * 7919 % rows
            p = round(place / rows, 6)
            name = f"in/{number:07}.jpg"
            digest = hashlib.sha256(
                b"%d" % (number - number % 100 if number % 100 == 99 else number)
            ).hexdigest()
            if place >= rows - _FILES:
                digest = _picture(folder / name, number)
            finding = {"logit": 0.5, "prob_fake": p, "region": [0.1, 0.1, 0.8, 0.9], "frame": 0, "time": None}
            row = _ROW | {"path": name, "prob_fake": p, "verdict": "fake" if p >= 0.7 else "real"}
            row |= {"sha256": digest, "findings": [finding | {"face": 0.9}]}
            stream.write(json.dumps(row, separators=(",", ":")) + "\n")
    return report


def _picture(path: Path, number: int) -> str:
    out = io.BytesIO()
    Image.effect_noise((1024, 768), 40 + number % 20).convert("RGB").save(out, "JPEG")
    path.write_bytes(out.getvalue())
    return hashlib.sha256(out.getvalue()).hexdigest()


def measure_page(folder: Path, rows: int) -> dict[str, float]:
    """Seconds, peak memory and size of the HTML report."""
    page, start = folder / "report.html", time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", PAGE, str(rows), str(page)], capture_output=True, text=True, check=True
    )
    seconds = time.monotonic() - start
    return {
        "page_s": seconds,
        "page_peak_mib": int(done.stdout) / 1024,
        "page_mib": page.stat().st_size / MIB,
    }


def measure_review(report: Path, *words: str) -> dict[str, float]:
    """Seconds until the address is printed and until the first picture is there, and memory after 40 decisions."""
    start = time.monotonic()
    code = "from scanner.review.cli import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, report.name, "--reviewer", "bench", *words],
        cwd=report.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        if process.stdout is None or not (url := process.stdout.readline().strip()):
            raise click.ClickException("scan-review did not start")
        index = time.monotonic() - start
        first = time.monotonic()
        begin = _ask(url, "begin")
        item = _ask(url, f"item?place={begin['place']}")
        # A blind order begins anywhere, and only the most suspicious files are there.
        _ask(url, f"picture?place={begin['place']}", raw=True, statuses=(200,) if not words else (200, 404))
        seconds = time.monotonic() - first
        worst = 0.0
        for _ in range(40):
            asked = time.monotonic()
            body = {"place": item["place"], "sha256": item["sha256"], "decision": "fake"}
            item = _ask(url, f"item?place={_ask(url, 'decide', body)['place']}")
            worst = max(worst, time.monotonic() - asked)
        last = time.monotonic()
        _ask(url, f"item?place={begin['total'] - 1}")
        last = time.monotonic() - last
        own, family, peak = _memory(process.pid)
    finally:
        process.kill()
        process.wait()
    times = {"index_s": index, "first_picture_s": seconds, "decision_worst_s": worst, "last_place_s": last}
    return times | {"server_pss_mib": own, "with_decoder_pss_mib": family, "server_peak_rss_mib": peak}


def _memory(pid: int) -> tuple[float, float, float]:
    """In MiB: PSS of the server, of it with its decoder, and the server's peak RSS."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    for task in Path(f"/proc/{pid}/task").iterdir():
        children += (task / "children").read_text(encoding="ascii").split()
    sums = []
    for one in (str(pid), *dict.fromkeys(children)):
        text = Path(f"/proc/{one}/smaps_rollup").read_text(encoding="ascii")
        sums.append(
            next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")) / 1024
        )
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")) / 1024
    return sums[0], sum(sums), peak


def _ask(
    url: str, what: str, body: Any = None, *, raw: bool = False, statuses: tuple[int, ...] = (200,)
) -> Any:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=120)
    headers = {"Content-Type": "application/json", "Origin": f"http://{parts.netloc}"} if body else {}
    connection.request(
        "POST" if body else "GET", parts.path + what, json.dumps(body) if body else None, headers
    )
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    if answer.status not in statuses:
        raise click.ClickException(f"{what}: {answer.status} {data[:200]!r}")
    return data if raw else json.loads(data)


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option("--rows", type=click.IntRange(1000), default=1_000_000)
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path), default=None, help="Also write everything here."
)
def main(rows: int, json_file: Path | None) -> None:
    """Cost of an HTML page, and of a review, of many rows."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        measured: dict[str, dict[str, float]] = {"page": measure_page(folder, rows)}
        report = write_report(folder, rows)
        measured["report"] = {"mib": report.stat().st_size / MIB}
        measured["review"] = measure_review(report)
        os.unlink(folder / "report.decisions.jsonl")  # noqa: PTH108
        measured["blind"] = measure_review(report, "--blind")
    for name, values in measured.items():
        click.echo(f"{name}: " + ", ".join(f"{key} {value:,.2f}" for key, value in values.items()))
    if json_file is not None:
        json_file.write_text(json.dumps({"rows": rows} | measured, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
