"""Parts of members: those of an animation in an archive are continued, and not mistaken for another member's."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from container_files import put, zipped
from filmed_parts import candidate
from PIL import Image

from scanner import Detector
from scanner.engine.local import LocalEngine
from scanner.memory import Journal
from scanner.results.sampling import Sampling
from scanner.sandbox import launch


def animation(first: int) -> bytes:
    """40 frames, which are three parts."""
    out = io.BytesIO()
    frames = [Image.new("L", (16, 12), first + n) for n in range(40)]
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=100)
    return out.getvalue()


def test_parts_of_members_are_continued(
    tmp_path: Path, detector: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled = "import scanner.results.result; scanner.results.result.SETTLING_NS = -1\n"
    monkeypatch.setattr(launch, "PROGRAM", launch.PROGRAM.replace("serve(**", settled + "serve(**"))
    archive = put(tmp_path / "a.zip", zipped([("one name.gif", animation(n)) for n in (20, 90)]))
    looking = detector.looking_at(Sampling(archives=True, all_frames=True))
    path = tmp_path / "r.journal"

    def run() -> tuple[list[object], list[bytes]]:
        """Results, and the journal's lines about parts."""
        journal = Journal.open(path, {})
        engine = LocalEngine(looking, workers=1, batch_size=1, parts=journal)
        results: list[object] = list(engine.results([candidate(archive)]))
        journal.close()
        return results, path.read_bytes().splitlines(keepends=True)

    whole, (header, *parts) = run()
    assert len(parts) == 4 and len(set(parts)) == 4, "the last part of each is told with the file"
    # Killed before the second was done.
    path.write_bytes(header + b"".join(parts[:3]))
    again, (_, *now) = run()
    assert again == whole and now == parts, "only what was missing was looked at"
