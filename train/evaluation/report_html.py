"""``evaluation.html``: one self-contained page for an examiner, with the plots and the worst mistakes."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from models.contract import Label
from models.preprocessing import ImageError, decode_image
from train.evaluation.extras import Extras
from train.evaluation.protocol import Evaluation
from train.evaluation.report_markdown import (
    HELD_OUT_TITLE,
    comparison_table,
    figure_tables,
    held_out_line,
    held_out_table,
    left_out_line,
    robustness_table,
    sharpness_table,
)
from train.evaluation.scores_csv import printed_path
from train.evaluation.scoring import ScoredImage
from train.evaluation.subject import Subject, versions

TEMPLATE = "page.html.j2"
WORST = 12
_THUMBNAIL = (144, 144)


@dataclass(frozen=True)
class Picture:
    """A plot on the page."""

    title: str
    note: str
    file: Path


@dataclass(frozen=True)
class Thumbnail:
    """One mistake; ``picture`` is a JPEG in base64."""

    path: str
    prob_fake: float
    picture: str


def as_html(
    subject: Subject,
    evaluation: Evaluation,
    extras: Extras,
    scored: Sequence[ScoredImage],
    pictures: Sequence[Picture],
) -> str:
    """The page; it refers to nothing outside itself."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("train.evaluation", "."), autoescape=True, undefined=StrictUndefined
    )
    auc = evaluation.overall.metrics.roc_auc
    return environment.get_template(TEMPLATE).render(
        subject=subject,
        threshold=evaluation.threshold,
        resamples=evaluation.resamples,
        not_scored=len(evaluation.not_scored),
        left_out=left_out_line(extras),
        held_out_title=HELD_OUT_TITLE,
        held_out_line=held_out_line(evaluation.held_out) if evaluation.held_out else None,
        held_out=held_out_table(evaluation.held_out) if evaluation.held_out else None,
        tables=list(figure_tables(evaluation)),
        pictures=[(one.title, one.note, _base64(one.file.read_bytes())) for one in pictures],
        robustness=robustness_table(extras.robustness) if extras.robustness else None,
        probe=extras.probe,
        sharpness=sharpness_table(extras.sharpness) if extras.sharpness else None,
        model_auc="undefined" if auc is None else f"{auc:.3f}",
        comparison=extras.comparison,
        comparison_table=comparison_table(extras.comparison) if extras.comparison else None,
        other=f"{extras.other.model_name} {extras.other.model_version}" if extras.other else "another model",
        mistakes=[
            ("Real images with the highest prob_fake", worst(scored, Label.REAL)),
            ("Fakes with the lowest prob_fake", worst(scored, Label.FAKE)),
        ],
        versions=sorted(versions().items()),
    )


def worst(scored: Sequence[ScoredImage], label: Label, count: int = WORST) -> list[Thumbnail]:
    """The images of a class that the model is most wrong about, the worst first."""
    own = [(one.prob_fake, one) for one in scored if one.image.label is label and one.prob_fake is not None]
    own.sort(key=lambda pair: pair[0], reverse=label is Label.REAL)
    return [Thumbnail(printed_path(one), prob, _thumbnail(one)) for prob, one in own[:count]]


def _thumbnail(one: ScoredImage) -> str:
    try:
        picture = decode_image(one.image.path.read_bytes()).rgb
    except (OSError, ImageError):  # it was there when it was scored
        picture = Image.new("RGB", _THUMBNAIL, "grey")
    picture.thumbnail(_THUMBNAIL)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=85)
    return _base64(buffer.getvalue())


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
