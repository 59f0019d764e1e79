"""The step of action.yml that scans: reads its environment, leaves reports, outputs and a summary.

It ends with 0 whatever scan said, so that the reports can be uploaded first; the last step fails the job. Standard
library only.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_MARKUP = "|`*_[]!@#~\\"
MOST_ROWS = 50


def main() -> int:
    folder = Path(os.environ.get("INPUT_REPORT") or "deepfake-scan")
    folder.mkdir(parents=True, exist_ok=True)
    report, sarif = folder / "report.csv", folder / "report.sarif"
    for old in folder.glob("report.*"):
        old.unlink()  # of an earlier step: a scan that cannot run leaves none
    # -I: neither the folder that is scanned nor the job's PYTHONPATH takes the place of a module.
    command = [sys.executable, "-I", "-c", "from deepfake_scanner_launcher import scan; scan()"]
    outs = [word for path in (report, sarif, folder / "report.html") for word in ("--out", str(path))]
    if os.environ.get("INPUT_SCANIGNORE") == "false":
        command.append("--no-scanignore")
    since = os.environ.get("INPUT_CHANGED_SINCE", "")
    # Not splitlines(), which ends a line at characters that names may hold.
    lines = os.environ.get("INPUT_PATHS", "").replace("\r\n", "\n").split("\n")
    paths = [line for line in lines if line.strip()] or ["."]
    # An empty variable would be an empty value, not the default.
    env = {name: value for name, value in os.environ.items() if value or not name.startswith("SCAN_")}
    if since:
        listed = changed_since(since, paths)
        # All that changed; what is a picture, and what is left out, the scanner decides as for the whole folder.
        command += [*outs, "--files-from", "-", "--null", "--allow-empty", "--force-exclude", "--media-only"]
    else:
        listed = b""
        command += [*outs, "--", *paths]
    code = subprocess.run(command, input=listed, env=env, check=False).returncode
    manifest = folder / "report.run.json"
    facts = json.loads(manifest.read_text(encoding="utf-8")) if manifest.exists() else None
    counts = None if facts is None else facts["counts"]
    outputs = {
        "exit-code": code,
        "report": report if report.exists() else "",
        "sarif": sarif if sarif.exists() else "",
    }
    if counts is not None:
        outputs |= {
            "files": counts["files"],
            "fake": counts["verdict"]["fake"],
            "inconclusive": counts["verdict"]["inconclusive"],
            "errors": counts["status"]["error"],
        }
    append("GITHUB_OUTPUT", "".join(f"{name}={value}\n" for name, value in outputs.items()))
    append("GITHUB_STEP_SUMMARY", "\n".join(summary(report, facts, code)) + "\n")
    return 0


def changed_since(commit: str, paths: list[str]) -> bytes:
    """Names of files that are new or changed, each ended by NUL; deleted ones are no matter.

    What of ``paths`` never was in the repository is named too: nothing is there to be scanned, and that is an error.
    """
    changed = git_diff(commit, [] if "." in paths else [spec for path in paths for spec in pathspecs(path)])
    missing = [
        os.fsencode(path) for path in paths if not os.path.lexists(path) and not is_known(commit, path)
    ]
    return changed + b"".join(path + b"\0" for path in missing)


def git_diff(commit: str, specs: list[str], *, deleted: bool = False) -> bytes:
    # Renamed files count as new ones; a configuration that leaves submodules out would hide what they bring.
    command = ["git", "diff", "--name-only", "--no-renames", "-z", "--relative", "--ignore-submodules=dirty"]
    command += [] if deleted else ["--diff-filter=d"]
    # A commit may be called --output=x.
    found = subprocess.run(
        [*command, "--end-of-options", commit, "--", *specs], capture_output=True, check=False
    )
    if found.returncode:
        reason = found.stderr.decode(errors="replace").strip()
        sys.exit(f"git diff {commit} failed: {reason}; is the commit checked out?")
    return found.stdout


def pathspecs(path: str) -> list[str]:
    """What git calls an operand of scan: a file or folder of that name, else a glob and what lies below its matches."""
    if os.path.lexists(path):
        real = os.path.relpath(os.path.realpath(path))
        # Git does not look behind a link, as a scan of the whole folder would that is named so.
        return [f":(literal){name}" for name in {os.path.normpath(path), real}]
    # A backslash is a character of a name here, and git's sign that the next is one.
    glob = path.rstrip("/").replace("\\", "\\\\")
    return [f":(glob){glob}", f":(glob){glob}/**"]


def is_known(commit: str, path: str) -> bool:
    """Whether anything that ``path`` stands for is in the repository, or was at ``commit``."""
    specs = pathspecs(path)
    command = ["git", "ls-files", "-z", "--cached", "--others", "--", *specs]
    found = subprocess.run(command, capture_output=True, check=False)
    return bool(found.stdout) or bool(git_diff(commit, specs, deleted=True))


def append(variable: str, text: str) -> None:
    if target := os.environ.get(variable):
        with Path(target).open("a", encoding="utf-8") as stream:
            stream.write(text)


def summary(report: Path, manifest: dict[str, Any] | None, code: int) -> Iterator[str]:
    yield "## Deepfake scan"
    yield ""
    if manifest is None:
        yield f"The scan did not run to its end (exit code {code}); see the log of this step."
        return
    counts = manifest["counts"]
    verdict, status = counts["verdict"], counts["status"]
    yield "| files | fake | inconclusive | not flagged | unreadable | skipped |"
    yield "|---|---|---|---|---|---|"
    yield (
        f"| {counts['files']} | {verdict['fake']} | {verdict['inconclusive']} | {verdict['real']} "
        f"| {status['error']} | {status['skipped']} |"
    )
    rows = list(worth_a_look(report))
    if rows:
        yield ""
        yield "| file | prob_fake | verdict |"
        yield "|---|---|---|"
        for row in rows[:MOST_ROWS]:
            known = " (known)" if row["baseline"] else ""
            yield f"| {cell(row['path'])} | {row['prob_fake']} | {row['verdict'] or row['error']}{known} |"
        if len(rows) > MOST_ROWS:
            yield f"\n… and {len(rows) - MOST_ROWS} more in the report."
    if words := left_out(manifest):
        yield ""
        yield words
    yield ""
    yield "prob_fake is a probability with the error rates of the model's card, not a finding that a picture is false."


def left_out(manifest: dict[str, Any]) -> str:
    """Whoever reviews a change should see that a part of it was not looked at, and by whose word."""
    counts = manifest["counts"]
    others = {f"{kind}s": number for kind, number in counts["left_out"].items()}
    if named := counts["error"].get("excluded"):
        others["changed pictures"] = named
    if not others:
        return ""
    words = ", ".join(f"{number} {kind}" for kind, number in others.items())
    files = ", ".join(cell(file["path"]) for file in manifest["scanignore"])
    return f"**Not looked at:** {words}" + (f" (.scanignore files: {files})." if files else ".")


def worth_a_look(report: Path) -> Iterator[dict[str, str]]:
    with report.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            if row["verdict"] in ("fake", "inconclusive") or row["status"] == "error":
                yield row


def cell(name: str) -> str:
    """A file name in a Markdown table: nothing in it is markup."""
    shown = (c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in name)
    return "".join(_ENTITIES.get(c) or (f"&#{ord(c)};" if c in _MARKUP else c) for c in shown)


if __name__ == "__main__":
    sys.exit(main())
