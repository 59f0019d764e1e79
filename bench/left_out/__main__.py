"""How good is a recipe on fakes of a kind that it has never seen? Trains without each named source, measures on it.

    python -m bench.left_out DATA... --labels CSV... --leave-out dfdc --leave-out ffpp --out WORK \
        --train "--phases 160x2@5e-4 --set margin=1.2" --variant plain: --variant shaken:"--set degradations=on"

For each variant of the recipe and each --leave-out: scan-train (EfficientNet-Lite2, recipe transfer) on all other
sources, scan-export, then the scanner on the left-out source's validation images, fakes against its own real
pictures, or against those of all sources where it has none. A name stands for a source and for all that begin with it
and a hyphen: ffpp for ffpp-deepfake, ffpp-face2face, … A share of a left-out source (--set shares=…) is dropped. The
same command goes on where it was cut off; what is finished is kept. It prints one table, in Markdown: a row for each
source, a column for each variant, and the paired difference of each later variant from the first.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

from bench.left_out.unseen import Measured, Unseen, difference, measured, unseen
from models.support.atomic import replacing
from models.support.errors import Failure
from train.datasets.joined_trees import Trees

TRAIN, EXPORT = "from train.cli import main; main()", "from export.cli import main; main()"
_STDERR = 2
"""What commands say goes there: standard output is the table's."""
COMMON = ("--network", "efficientnet_lite2", "--recipe", "transfer", "--init", "imagenet", "--no-progress")


@dataclass(frozen=True)
class Variant:
    """A recipe by what it adds to the common options of scan-train."""

    name: str
    options: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Variant:
        """``NAME:OPTIONS``, the options as a shell splits them."""
        name, colon, options = text.partition(":")
        if not name or not colon or Path(name).name != name:
            raise click.BadParameter(f"{text!r} is not NAME:OPTIONS", param_hint="--variant")
        return cls(name, tuple(shlex.split(options)))


@click.command(help=__doc__)
@click.argument("data", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--labels", multiple=True, type=click.Path(path_type=Path), help="One for each DATA.")
@click.option("--leave-out", "names", multiple=True, required=True, help="A source, or the start of several.")
@click.option("--variant", "variants", multiple=True, default=("plain:",), help="NAME:OPTIONS of scan-train.")
@click.option("--train", "common", default="", help="Options of scan-train for all variants, in one string.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0))
@click.option(
    "--whole-source", is_flag=True, help="Measure on its train images as well: no run has seen them."
)
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path))
def main(
    data: tuple[Path, ...],
    labels: tuple[Path, ...],
    names: tuple[str, ...],
    variants: tuple[str, ...],
    common: str,
    out: Path,
    **rest: object,
) -> None:
    try:
        trees = Trees.of(data, labels)
        parts = [unseen(trees, name, whole=bool(rest["whole_source"])) for name in names]
    except Failure as failure:
        raise click.ClickException(str(failure)) from None
    recipes = [Variant.parse(text) for text in variants]
    if len({recipe.name for recipe in recipes}) < len(recipes):
        raise click.UsageError("two variants have one name")
    given = [str(folder) for folder in data]
    given += [word for file in labels for word in ("--labels", str(file))]
    given += [*COMMON, "--seed", str(rest["seed"]), *shlex.split(common)]
    table: dict[str, dict[str, Measured]] = {part.name: {} for part in parts}
    for recipe in recipes:
        for part in parts:
            run = out / f"{recipe.name}-{part.name}"
            train(run, [*given, *recipe.options], part)
            table[part.name][recipe.name] = measured(run, part)
    text = "\n".join(markdown(table, parts)) + "\n"
    with replacing(out / "left_out.md") as aside:
        aside.write_text(text, encoding="utf-8")
    click.echo(text, nl=False)


def train(run: Path, options: Sequence[str], part: Unseen) -> None:
    """The run and its ``model.onnx``, unless they are there. Runs lie side by side: they share a list of faces."""
    asked = [*without_shares(options, part.sources), *(w for s in part.kept for w in ("--source", s))]
    run.parent.mkdir(parents=True, exist_ok=True)
    _remember(run.with_name(f"{run.name}.asked.json"), asked)
    if not (run / "calibration.json").is_file():
        resume = ["--resume"] if (run / "last.pt").is_file() else []
        _call(TRAIN, [*asked, "--out", str(run), *resume])
    if not (run / "model.onnx").is_file():
        _call(EXPORT, [str(run), "--out", str(run / "model.onnx"), "--name", f"without-{part.name}"])


def without_shares(options: Sequence[str], sources: Sequence[str]) -> list[str]:
    """The options with a setting ``shares=…`` that no longer names the sources: scan-train refuses unknown ones."""
    kept: list[str] = []
    for word in options:
        head, equals, shares = word.partition("shares=")
        if not equals or head not in ("", "--set="):
            kept.append(word)
        elif others := [one for one in shares.split(",") if one.rpartition(":")[0] not in sources]:
            kept.append(f"{head}shares={','.join(others)}")
        elif not head:
            kept.pop()  # the --set before it
    return kept


def markdown(table: dict[str, dict[str, Measured]], parts: Sequence[Unseen]) -> Iterator[str]:
    """A row for each source that was left out, and the mean of the AUCs."""
    recipes = list(next(iter(table.values())))
    first, *others = recipes
    heads = [*recipes, *(f"{name} − {first}" for name in others)]
    yield f"| left out | Real + Fake | real pictures | {' | '.join(heads)} |"
    yield "|---" * (3 + len(heads)) + "|"
    for part in parts:
        row = table[part.name]
        cells = [row[name].cell() for name in recipes]
        cells += [difference(row[name], row[first]) for name in others]
        one = row[first]
        yield f"| {part.name} | {one.real} + {one.fake} | {part.reals} | {' | '.join(cells)} |"
    means = [np.mean([table[part.name][name].auc for part in parts]) for name in recipes]
    cells = [f"{mean:.3f}" for mean in means] + [f"{mean - means[0]:+.3f}" for mean in means[1:]]
    yield f"| **mean** | | | {' | '.join(cells)} |"


def _remember(file: Path, asked: list[str]) -> None:
    """What a folder's run was asked for; another request for the same folder is refused."""
    if not file.is_file():
        with replacing(file) as aside:
            aside.write_text(json.dumps(asked, indent=1) + "\n", encoding="utf-8")
    elif json.loads(file.read_text(encoding="utf-8")) != asked:
        raise click.ClickException(
            f"{file} says that this run was asked for with other options; choose another --out"
        )


def _call(code: str, arguments: list[str]) -> None:
    done = subprocess.run([sys.executable, "-c", code, *arguments], check=False, stdout=_STDERR)
    if done.returncode:
        raise click.ClickException(
            f"it ended with {done.returncode}: {shlex.join(arguments)}; the same command goes on from here"
        )


if __name__ == "__main__":
    main()
