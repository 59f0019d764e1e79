"""One run, one folder: what stands where in it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from models.calibration import FILE_NAME as CALIBRATION_NAME
from models.calibration import CalibrationFile
from models.checkpoints.format import BEST_OF_RUN
from models.contract import PROB_DECIMALS, Label
from models.support.atomic import replacing
from models.support.errors import DataError, OutputError
from train.datasets.joined_trees import Trees
from train.datasets.leakage import Leak
from train.datasets.looks import LOOK_COLUMNS, look_columns, look_of
from train.datasets.tree import FACE_COLUMNS, LabelledImage, Role, face_columns, face_of
from train.fitting.select_curve import SourceRow


@dataclass(frozen=True)
class EpochRow:
    """One line of metrics.csv."""

    epoch: int
    phase: str
    size: int
    lr: float
    train_loss: float
    select_loss: float
    select_auc: float
    images: int
    images_per_second: float
    """Of the whole epoch, as it went."""
    model_images_per_second: float | None = None
    """The network's own: without the time spent waiting for images."""
    loader_images_per_second: float | None = None
    """What the loader could have given; ``None`` when it made no image, since all features were remembered."""
    sources: list[SourceRow] = field(default_factory=list)
    """Lines of select_sources.csv, not of metrics.csv."""

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> EpochRow:
        """The inverse of :func:`dataclasses.asdict`."""
        sources = [SourceRow(**row) for row in plain.get("sources", ())]
        return cls(**{**plain, "sources": sources})


class RunFolder:
    """``config.json``, ``roles.csv``, ``unreadable.csv``, ``leakage.csv``, ``metrics.csv``, ``select_scores.csv``,
    ``select_sources.csv``, ``best.pt``, ``last.pt``, ``start.pt``, ``calibration.json`` and ``plots/``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config = path / "config.json"
        self.roles = path / "roles.csv"
        self.unreadable = path / "unreadable.csv"
        self.leakage = path / "leakage.csv"
        self.metrics = path / "metrics.csv"
        self.select_scores = path / "select_scores.csv"
        self.select_sources = path / "select_sources.csv"
        self.best = path / BEST_OF_RUN
        self.last = path / "last.pt"
        self.start = path / "start.pt"
        self.calibration = path / CALIBRATION_NAME
        self.plots = path / "plots"

    def make(self) -> None:
        """Make the folder, not its parents. Raises :class:`OutputError`."""
        try:
            self.path.mkdir(exist_ok=True)
        except OSError as error:
            raise OutputError(f"{self.path} cannot be made: {error.strerror}") from None

    def write_config(self, config: Mapping[str, Any]) -> None:
        self._write(self.config, json.dumps(config, indent=2, ensure_ascii=False) + "\n")

    def read_config(self) -> dict[str, Any]:
        """Raises :class:`DataError` when it is missing or damaged."""
        try:
            config: dict[str, Any] = json.loads(self.config.read_text(encoding="utf-8-sig"))
        except (OSError, ValueError) as error:
            raise DataError(f"the run's {self.config} cannot be read ({type(error).__name__})") from None
        return config

    def write_calibration(self, calibration: CalibrationFile) -> None:
        self._write(self.calibration, calibration.to_json())

    def write_roles(self, roles: Mapping[Role, Sequence[LabelledImage]]) -> None:
        """The lists that the run works on; a resumed run reads them back instead of dividing again."""
        header = ("role", "path", "label", "source", "group", "sha256", *FACE_COLUMNS, *LOOK_COLUMNS)
        rows = (
            (role.value, *_description(image), *face_columns(image.face), *look_columns(image.look))
            for role, images in roles.items()
            for image in images
        )
        self._write_csv(self.roles, header, rows)

    def read_roles(self, trees: Trees) -> dict[Role, list[LabelledImage]]:
        """What :meth:`write_roles` wrote, its paths in ``trees``; :class:`DataError` if it cannot be read."""
        roles: dict[Role, list[LabelledImage]] = {Role.FIT: [], Role.SELECT: [], Role.CALIBRATE: []}
        try:
            with self.roles.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as stream:
                for row in csv.DictReader(stream):
                    roles[Role(row["role"])].append(
                        LabelledImage(
                            trees.path(row["path"]),
                            row["path"],
                            Label.from_name(row["label"]),
                            row["source"] or None,
                            row["group"] or None,
                            row["sha256"] or None,
                            face_of(row),
                            look_of(row),
                        )
                    )
        except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
            raise DataError(f"the run's {self.roles} cannot be read ({type(error).__name__})") from None
        return roles

    def write_unreadable(self, rows: Iterable[tuple[str, str]]) -> None:
        self._write_csv(self.unreadable, ("path", "reason"), rows)

    def write_leakage(self, leaks: Iterable[Leak]) -> None:
        header = ("kind", "bits", "first_role", "first", "second_role", "second")
        rows = (
            (
                leak.kind,
                leak.bits,
                leak.first_role.value,
                leak.first.relative,
                leak.second_role.value,
                leak.second.relative,
            )
            for leak in leaks
        )
        self._write_csv(self.leakage, header, rows)

    def write_metrics(self, rows: Sequence[EpochRow]) -> None:
        header = tuple(column.name for column in fields(EpochRow) if column.name != "sources")
        self._write_csv(self.metrics, header, ([getattr(row, name) for name in header] for row in rows))
        columns = tuple(column.name for column in fields(SourceRow))
        lines = ((row.epoch, *astuple(source)) for row in rows for source in row.sources)
        self._write_csv(self.select_sources, ("epoch", *columns), lines)

    def write_select_scores(
        self, paths: Sequence[str], labels: npt.NDArray[np.int64], prob_fake: npt.NDArray[np.float64]
    ) -> None:
        rows = (
            (p, int(y), f"{q:.{PROB_DECIMALS}f}") for p, y, q in zip(paths, labels, prob_fake, strict=True)
        )
        self._write_csv(self.select_scores, ("path", "label", "prob_fake"), rows)

    def read_select_scores(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        with self.select_scores.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as stream:
            rows = list(csv.DictReader(stream))
        return np.array([int(r["label"]) for r in rows]), np.array([float(r["prob_fake"]) for r in rows])

    def _write_csv(self, path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
        self._write(path, text.getvalue())

    def _write(self, path: Path, text: str) -> None:
        """Raises :class:`OutputError`."""
        with replacing(path) as aside:
            aside.write_bytes(text.encode("utf-8", "surrogateescape"))


def _description(image: LabelledImage) -> tuple[str | None, ...]:
    return image.relative, image.label.title, image.source, image.group, image.sha256
