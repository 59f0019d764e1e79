"""``scan-export``: a checkpoint becomes a proven ONNX file, or a measured variant of one."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from export import cli_cam
from models.support import terminal
from models.support.dependencies import require_extra
from models.support.errors import run_command
from models.support.parameter_source import is_given

if TYPE_CHECKING:
    from export.exporter import ExportReport
    from export.variants import VariantReport

_CALIBRATION_IMAGES = 256
_NEEDED = ("torch", "torchvision", "onnx", "onnxscript")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The command's options, as Click hands them over."""

    source: Path
    out: Path
    store: str
    positive: str | None
    name: str | None
    version: str | None
    license_: str | None
    calibration: Path | None
    no_calibration: bool
    precision: str
    measure_on: Path | None
    calibrate_on: Path | None
    calibration_images: int | None
    device: str | None
    add_cam: bool

    @property
    def is_exported(self) -> bool:
        """Whether the source is an ONNX file already."""
        return self.source.suffix.lower() == ".onnx" and not self.source.is_dir()


@click.command(
    context_settings={
        "auto_envvar_prefix": "SCAN_EXPORT",
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
    }
)
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The ONNX file to write.")
@click.option(
    "--store",
    type=click.Choice(["fp32", "fp16"]),
    default="fp32",
    show_default=True,
    help="Storage of the weights; fp16 halves the file. The computation is fp32 either way.",
)
@click.option(
    "--positive",
    type=click.Choice(["fake", "real"]),
    help="What the checkpoint's sigmoid means. Needed for a bare state_dict; a run's checkpoint says it.",
)
@click.option("--name", help="The model's name.  [default: the run's folder or the checkpoint's name]")
@click.option(
    "--model-version",
    "version",
    envvar="SCAN_EXPORT_MODEL_VERSION",
    help="The model's version.  [default: 12 digits of the checkpoint's SHA-256]",
)
@click.option(
    "--license",
    "license_",
    envvar="SCAN_EXPORT_LICENSE",
    metavar="TEXT",
    help="The licence of the weights, in a line.",
)
@click.option(
    "--calibration",
    type=click.Path(path_type=Path),
    help="A run's calibration.json.  [default: that of SOURCE, if it is a run's folder and has one]",
)
@click.option(
    "--no-calibration", is_flag=True, help="Export an uncalibrated model: temperature 1, threshold 0.5."
)
@click.option(
    "--precision",
    type=click.Choice(["fp32", "fp16", "bf16", "int8"]),
    default="fp32",
    show_default=True,
    help="What the file computes in: fp16 is for CUDA, int8 for CPUs, bf16 for CPUs through OpenVINO. Each is "
    "measured against fp32, and not written if its AUC is more than 0.005 lower.",
)
@click.option(
    "--measure-on",
    type=click.Path(path_type=Path),
    metavar="DATA",
    help="Measure the variant on DATA/validation/{Real,Fake}.  [default: the tree of --calibrate-on]",
)
@click.option(
    "--calibrate-on",
    type=click.Path(path_type=Path),
    metavar="DATA",
    help="Choose int8's ranges on the fit images of DATA/train/{Real,Fake}.",
)
@click.option(
    "--calibration-images",
    type=click.IntRange(2),
    help=f"How many of them, half Real and half Fake.  [default: {_CALIBRATION_IMAGES}]",
)
@click.option(
    "--device",
    metavar="auto|cpu|openvino|cuda[:N]",
    help="Where a variant is measured.  [default: auto for fp16, cpu for int8, openvino for bf16]",
)
@click.option(
    "--add-cam",
    is_flag=True,
    help="SOURCE is an exported file: give it the output cam, for heat maps. No score changes, which is proven.",
)
def command(**given: Any) -> None:
    """Export SOURCE to an ONNX file that scan can run.

    SOURCE is a file of weights (.pt, .pth, .ckpt or .safetensors, in any of the usual wrappings), or the folder of
    a scan-train run, which stands for its best epoch. The exported file is run in onnxruntime against torch before
    it gets its name; if their probabilities differ by more than 1e-4, nothing is written.

    With another --precision than fp32, SOURCE may also be an exported .onnx file: the result is a variant of it,
    with its calibration and its measured loss.
    """
    asked = Asked(**given)
    if asked.add_cam:
        cli_cam.check_options()
        require_extra("train", _NEEDED, needed_by="scan-export")
        cli_cam.run(asked.source, asked.out, asked.version)
        return
    if asked.calibration is not None and asked.no_calibration:
        raise click.UsageError("--calibration and --no-calibration contradict each other")
    measure_on = _where_measured(asked)
    if asked.is_exported:
        _check_exported_source(variant=measure_on is not None)
    require_extra("train", _NEEDED, needed_by="scan-export")
    from export.calibration import find_calibration

    calibration = asked.calibration
    if calibration is None and not asked.no_calibration and not asked.is_exported:
        calibration = find_calibration(asked.source)
    if measure_on is None:
        _say_export(_export(asked, asked.out, calibration), calibration)
        return
    from export.exporter import check_target
    from export.variants import Precision, VariantOptions, export_variant

    check_target(asked.out, asked.source)
    options = VariantOptions(
        Precision(asked.precision),
        measure_on,
        asked.calibrate_on,
        asked.calibration_images or _CALIBRATION_IMAGES,
        asked.device or {"int8": "cpu", "bf16": "openvino"}.get(asked.precision, "auto"),
    )
    if asked.is_exported:
        variant = export_variant(
            asked.source, asked.out, options, name=asked.name, version=asked.version, license=asked.license_
        )
        _say_variant(variant)
        return
    with tempfile.TemporaryDirectory(prefix="scan-export-") as folder:
        reference = _export(asked, Path(folder, "reference.onnx"), calibration).file
        _say_variant(export_variant(reference, asked.out, options))


def _export(asked: Asked, file: Path, calibration: Path | None) -> ExportReport:
    from export.exporter import ExportOptions, export_checkpoint
    from models.contract import Label
    from models.storage import Store

    positive = None if asked.positive is None else Label.from_name(asked.positive)
    options = ExportOptions(
        Store(asked.store), positive, asked.name, asked.version, asked.license_, calibration
    )
    return export_checkpoint(asked.source, file, options)


def _where_measured(asked: Asked) -> Path | None:
    """The tree that a variant is measured on, ``None`` for fp32. Raises :class:`click.UsageError`."""
    precision = asked.precision
    if precision == "fp32":
        for option, value in {
            "--measure-on": asked.measure_on,
            "--calibrate-on": asked.calibrate_on,
            "--calibration-images": asked.calibration_images,
            "--device": asked.device,
        }.items():
            if value is not None:
                raise click.UsageError(f"{option} is for --precision fp16, bf16 or int8")
        return None
    if precision == "int8" and asked.calibrate_on is None:
        raise click.UsageError("--precision int8 needs images that show it its ranges: --calibrate-on DATA")
    if precision != "int8" and (asked.calibrate_on is not None or asked.calibration_images is not None):
        raise click.UsageError(
            f"--calibrate-on and --calibration-images are for --precision int8; {precision} has no ranges to choose"
        )
    measured = asked.measure_on or asked.calibrate_on
    if measured is None:
        raise click.UsageError(
            f"--precision {precision} is not written unmeasured: --measure-on DATA, a tree with "
            "validation/Real and validation/Fake"
        )
    return measured


def _check_exported_source(*, variant: bool) -> None:
    """An exported file brings its metadata along. Raises :class:`click.UsageError`."""
    if not variant:
        raise click.UsageError(
            "SOURCE is an exported file already; name a checkpoint, or make a variant: --precision fp16, bf16 or int8"
        )
    context = click.get_current_context()
    for name in ("store", "positive", "calibration", "no_calibration"):
        if is_given(context, name):
            raise click.UsageError(
                f"--{name.replace('_', '-')} is for checkpoints; an exported file says it itself"
            )


def _say_export(report: ExportReport, calibration: Path | None) -> None:
    metadata, parity = report.metadata, report.parity
    turned = ", turned round in the graph" if metadata.source_positive == "real" else ""
    click.echo(f"file         {report.file} ({report.size / 1e6:.1f} MB)")
    click.echo(f"sha256       {report.sha256}")
    click.echo(f"model        {metadata.name} {metadata.version}")
    click.echo(
        f"orientation  positive = fake; the checkpoint's sigmoid is P({metadata.source_positive}){turned}"
    )
    click.echo(f"store        {metadata.store}")
    if calibration is not None:
        click.echo(
            f"calibration  {calibration}: temperature {metadata.temperature:.4g}, "
            f"threshold {metadata.default_threshold():g}"
        )
    else:
        click.echo("calibration  none: temperature 1, threshold 0.5")
    click.echo(
        f"parity       max |Δp| {parity.max_abs_prob:.2g}, max |Δlogit| {parity.max_abs_logit:.2g} over "
        f"{parity.images} images, "
        f"p from {parity.prob_min:.6f} to {parity.prob_max:.6f} ({parity.runtime}, torch {parity.torch})"
    )
    if parity.constant:
        terminal.say(
            "warning: the model gives every image of the proof the same probability; "
            "it was hardly trained, and the proof says little"
        )


def _say_variant(report: VariantReport) -> None:
    metadata, comparison = report.metadata, report.comparison
    click.echo(f"file         {report.file} ({report.size / 1e6:.1f} MB)")
    click.echo(f"sha256       {report.sha256}")
    click.echo(f"model        {metadata.name} {metadata.version}")
    click.echo(f"precision    {metadata.precision}")
    if report.calibration is not None:
        click.echo(
            f"ranges       from {len(report.calibration.pixels)} fit images of {report.calibration.data}"
        )
    click.echo(
        f"calibration  the fp32 file's: temperature {metadata.temperature:.4g}, "
        f"threshold {metadata.default_threshold():g}"
    )
    click.echo(f"measured     on {comparison.data}, {comparison.device}")
    for name, one in {"all": comparison.all, **comparison.sources}.items():
        click.echo(
            f"             {name}: {one.images} images, AUC {one.auc:.4f} (fp32 {one.auc_reference:.4f}, "
            f"{one.delta_auc:+.4f}), max |Δp| {one.max_abs_delta_p:.4f}, mean |Δp| {one.mean_abs_delta_p:.4f}"
        )
    for count, what in (
        (report.calibration.unreadable if report.calibration else 0, "of the images drawn for the ranges"),
        (comparison.not_scored, "of the images to measure on"),
    ):
        if count:
            terminal.say(f"warning: {count} {what} could not be decoded and were left out")


def main() -> None:
    """The console script."""
    run_command(command)
