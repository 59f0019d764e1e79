"""One person's review of one report: where they are, what they see, what they decide."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scanner.judgement.policy import format_probability
from scanner.review.decisions import DECIDING, LONGEST_NOTE, Choice, Decision, DecisionFile, SampleLine, now
from scanner.review.facts import boxes, deciding, deciding_face, facts
from scanner.review.heatmaps import heatmap_path
from scanner.review.index import Index, ReviewError
from scanner.review.ledger import Ledger
from scanner.review.manifests import Origin
from scanner.review.pictures import At, Pictures, Shown

if TYPE_CHECKING:
    from scanner.review.order import Numbers

MOST_NAMES = 20


@dataclass(frozen=True)
class Asked:
    """How a review is held."""

    reviewer: str
    blind: bool = False
    heatmaps: Path | None = None
    order: str = "most suspicious first"
    """As the page says it."""


class Review:
    """Called from the server's threads, one at a time."""

    def __init__(
        self,
        index: Index,
        order: Numbers,
        file: DecisionFile,
        pictures: Pictures,
        origin: Origin,
        asked: Asked,
    ) -> None:
        import numpy as np

        self.index, self.asked, self.origin = index, asked, origin
        self._order, self._file, self._pictures = order, file, pictures
        self._lock = threading.RLock()
        self._decided = np.zeros(len(order), bool)
        self._place_of = np.full(len(index), -1, np.int32)
        self._place_of[order] = np.arange(len(order), dtype=np.int32)
        self._read_ledger()

    def __len__(self) -> int:
        return len(self._order)

    @property
    def ledger(self) -> Ledger:
        return self._ledger

    def start(self) -> int:
        """The first place without a decision."""
        return self.next_undecided(-1)

    def next_undecided(self, place: int) -> int:
        """After ``place``, else from the beginning; where all is decided, the place itself."""
        import numpy as np

        with self._lock:
            for begin in (place + 1, 0):
                left = self._decided[begin:]
                if len(left) and not left[first := int(np.argmin(left))]:
                    return begin + first
            return max(0, place)

    def state(self, place: int) -> dict[str, Any]:
        """Everything that the page shows at a place, from 0. Raises ``IndexError`` and :class:`ReviewError`."""
        with self._lock:
            if not 0 <= place < len(self):
                raise IndexError(f"there is no place {place}")
            number = int(self._order[place])
            record, item = self.index.record(number), self.index.item(number)
            current = self._ledger.current(self.asked.reviewer, item.sha256)
            decision = None if current is None else current.decision
            hidden = self.asked.blind and decision is None
            names = self._names(item.sha256)
            shown = self._show(item.sha256, names, record)
            return {
                "place": place,
                "total": len(self),
                "decided": int(self._decided.sum()),
                "sha256": item.sha256,
                "names": names,
                "more_names": len(self.index.find(item.sha256)) - len(names),
                "hidden": hidden,
                "score": None if hidden else format_probability(item.prob_fake),
                "verdict": None if hidden else item.verdict.value,
                "face": None if hidden else deciding_face(record),
                "facts": facts(record, blind=hidden),
                "boxes": boxes(record, blind=hidden),
                "picture": {"problem": shown.problem, "width": shown.width, "height": shown.height},
                "heat": not hidden and self._heatmap(item.sha256, record) is not None,
                "decision": decision,
                "note": None if current is None else current.note,
            }

    def decide(self, place: int, sha256: str, choice: Choice, note: str | None) -> int:
        """Keep a decision, on the disk; the next place. Raises :class:`ReviewError` and ``IndexError``."""
        with self._lock:
            number = self._number(place, sha256)
            record, item = self.index.record(number), self.index.item(number)
            if note is not None and len(note) > LONGEST_NOTE:
                raise ReviewError(f"a note may have {LONGEST_NOTE:,} letters")
            seen_before = self._ledger.was_decided(self.asked.reviewer, sha256)
            self._append(
                Decision(
                    sha256=sha256,
                    face=deciding_face(record),
                    decision=choice,
                    note=note,
                    reviewer=self.asked.reviewer,
                    time=now(),
                    model=record.get("model"),
                    probability=item.prob_fake,
                    manifest=self.origin.sha256,
                    report=self.index.sha256,
                    blind=self.asked.blind and not seen_before,
                )
            )
            if choice not in DECIDING:
                return place
            self._decided[place] = True
            return self.next_undecided(place)

    def undo(self) -> int | None:
        """Take back the reviewer's last line; its place, ``None`` if it is not in this review or there is none."""
        with self._lock:
            last = self._ledger.last(self.asked.reviewer)
            if last is None:
                return None
            number, line = last
            self._append(
                Decision(
                    **{
                        **line.__dict__,
                        "decision": Choice.UNDO,
                        "note": None,
                        "time": now(),
                        "report": self.index.sha256,
                        "manifest": self.origin.sha256,
                        "blind": False,
                        "undoes": number,
                    }
                )
            )
            places = [int(self._place_of[row]) for row in self.index.find(line.sha256)[:1]]
            if not places or places[0] < 0:
                return None
            self._decided[places[0]] = self._ledger.is_decided(self.asked.reviewer, line.sha256)
            return places[0]

    def keep_sample(self, size: int, seed: int) -> None:
        """So that an estimate knows what was drawn. Raises :class:`ReviewError`."""
        line = SampleLine(size, seed, self.index.sha256, self.asked.reviewer, now())
        known = {(one.size, one.seed, one.report) for one in self._ledger.samples}
        if (line.size, line.seed, line.report) not in known:
            self._append(line)

    def picture(self, place: int) -> Shown:
        """Raises ``IndexError`` and :class:`ReviewError`."""
        number = self._at(place)
        sha256 = self.index.item(number).sha256
        return self._show(sha256, self._names(sha256), self.index.record(number))

    def heatmap(self, place: int) -> Shown:
        """Raises like :meth:`picture`; a blind review has none before the decision."""
        number = self._at(place)
        sha256 = self.index.item(number).sha256
        if self.asked.blind and not self._ledger.is_decided(self.asked.reviewer, sha256):
            return Shown(None, "hidden until the decision")
        path = self._heatmap(sha256, self.index.record(number))
        return (
            Shown(None, "there is no heat map of this picture")
            if path is None
            else self._pictures.overlay(path)
        )

    def _at(self, place: int) -> int:
        if not 0 <= place < len(self):
            raise IndexError(f"there is no place {place}")
        return int(self._order[place])

    def _number(self, place: int, sha256: str) -> int:
        number = self._at(place)
        if self.index.item(number).sha256 != sha256:
            raise ReviewError("the page shows another picture than this server has there; load it again")
        return number

    def _append(self, line: Decision | SampleLine) -> None:
        try:
            self._ledger.add(self._file.append(line))
        except ReviewError:
            self._read_ledger()
            raise

    def _read_ledger(self) -> None:
        """Of what stands in the file."""
        self._ledger = Ledger(self._file.lines)
        self._decided[:] = False
        for sha256 in self._ledger.decided_by(self.asked.reviewer):
            for row in self.index.find(sha256)[:1]:
                if (place := int(self._place_of[row])) >= 0:
                    self._decided[place] = True

    def _names(self, sha256: str) -> list[str]:
        """The first ones: a copy that is there will do."""
        return [self.index.record(number)["path"] for number in self.index.find(sha256)[:MOST_NAMES]]

    def _show(self, sha256: str, names: list[str], record: dict[str, Any]) -> Shown:
        place = deciding(record)
        frame = 0 if place is None else int(record["findings"][place].get("frame") or 0)
        parts = (record.get("coverage") or {}).get("parts") or 0
        return self._pictures.show(names, sha256, At(frame, record.get("seconds"), parts))

    def _heatmap(self, sha256: str, record: dict[str, Any]) -> Path | None:
        """Of the finding that decides."""
        place = deciding(record)
        if self.asked.heatmaps is None or place is None:
            return None
        path = heatmap_path(self.asked.heatmaps, sha256, place + 1)
        return path if path.is_file() else None
