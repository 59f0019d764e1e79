"""``scan-export``: a checkpoint becomes a proven ONNX file."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import click

from models.errors import Failure, run_command


class MissingExtraError(Failure):
    """Something that only training and export need is not installed."""


@click.command(
    context_settings={
        "auto_envvar_prefix": "SCAN_EXPORT",
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
    }
)
@click.argument("checkpoint", type=click.Path(path_type=Path))
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
    "--model-version", "version", help="The model's version.  [default: 12 digits of CHECKPOINT's SHA-256]"
)
@click.option("--license", "license_", metavar="TEXT", help="The licence of the weights, in a line.")
@click.option(
    "--calibration",
    type=click.Path(path_type=Path),
    help="A run's calibration.json.  [default: that of CHECKPOINT, if it is a run's folder and has one]",
)
@click.option(
    "--no-calibration", is_flag=True, help="Export an uncalibrated model: temperature 1, threshold 0.5."
)
def command(
    checkpoint: Path,
    out: Path,
    store: str,
    positive: str | None,
    name: str | None,
    version: str | None,
    license_: str | None,
    calibration: Path | None,
    no_calibration: bool,
) -> None:
    """Export CHECKPOINT to an ONNX file that scan can run.

    CHECKPOINT is a .pt or .pth file, or the folder of a scan-train run, which stands for its best epoch. The
    file is run in onnxruntime against torch before it gets its name; if their probabilities differ by more
    than 1e-4, nothing is written.
    """
    if calibration is not None and no_calibration:
        raise click.UsageError("--calibration and --no-calibration contradict each other")
    _need_extra()
    from export.calibration import find_calibration
    from export.exporter import export_checkpoint

    if calibration is None and not no_calibration:
        calibration = find_calibration(checkpoint)
    report = export_checkpoint(
        checkpoint, out, store=store, positive=positive, name=name, version=version, license=license_,
        calibration=calibration,
    )  # fmt: skip
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
        click.echo(
            "warning: the model gives every image of the proof the same probability; "
            "it was hardly trained, and the proof says little",
            err=True,
        )


def main() -> None:
    """The console script."""
    run_command(command)


def _need_extra() -> None:
    for module in ("torch", "torchvision", "onnx", "onnxscript"):
        try:
            import_module(module)
        except ImportError:
            raise MissingExtraError(
                f'scan-export needs {module}, which cannot be imported; pip install "deepfake-scanner[train]"'
            ) from None
        except RuntimeError as error:
            # torchvision on a torch that it was not built for.
            raise MissingExtraError(
                f"{module} does not fit the installed torch ({error}); install the two together: "
                'pip install --force-reinstall "deepfake-scanner[train]"'
            ) from None
