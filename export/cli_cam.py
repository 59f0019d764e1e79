"""What ``scan-export --add-cam`` asks, does and says."""

from __future__ import annotations

from pathlib import Path

import click

from models.support.parameter_source import is_given

_ALLOWED = ("source", "out", "add_cam", "version")


def check_options() -> None:
    """An exported file says all else itself. Raises :class:`click.UsageError`."""
    context = click.get_current_context()
    for parameter in context.command.params:
        name = parameter.name or ""
        if name not in _ALLOWED and is_given(context, name):
            raise click.UsageError(
                f"{parameter.opts[0]} does not go with --add-cam, which changes nothing else in the file"
            )


def run(old: Path, out: Path, version: str | None) -> None:
    """Raises :class:`models.support.errors.Failure`."""
    from export.add_cam import add_cam

    report = add_cam(old, out, version)
    click.echo(f"file         {report.file} ({report.size / 1e6:.1f} MB)")
    click.echo(f"sha256       {report.sha256}")
    click.echo(f"made of      {report.old_sha256}")
    click.echo(
        f"model        {report.metadata.name} {report.metadata.version}, all else that it says as before"
    )
    if report.max_abs_logit == report.max_abs_prob == 0.0:
        moved = "logit and prob_fake equal to the last bit"
    else:
        moved = f"max |Δp| {report.max_abs_prob:.2g}, max |Δlogit| {report.max_abs_logit:.2g}"
    click.echo(f"unchanged    {moved}, over {report.images} images")
    click.echo(f"cam          max |mean(cam) + bias − logit| {report.max_abs_sum:.2g}")
