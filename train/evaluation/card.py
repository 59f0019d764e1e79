"""The shipped weights' card, written from what was measured: ``python -m train.evaluation.card``.

``card.json`` is what the code reads (file, hash, licence, figures), ``README.md`` is what people read: the notes
that a person wrote, then facts and figures that nobody typed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from models.support.errors import DataError, OutputError, run_command
from models.weights import sha256_file
from train.evaluation.report import write_whole

CARD_SCHEMA = 1


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("evaluation", type=click.Path(path_type=Path))
@click.option(
    "--notes",
    required=True,
    type=click.Path(path_type=Path),
    help="Markdown: what the weights are and are not.",
)
@click.option("--commit", required=True, help="Commit of the code that trained them.")
@click.option("--command", "commands", multiple=True, help="A command that made them, in order; repeatable.")
def write_card(model: Path, evaluation: Path, notes: Path, commit: str, commands: tuple[str, ...]) -> None:
    """Write card.json and README.md beside MODEL from the report of scan-evaluate in EVALUATION."""
    from scanner import Detector

    metadata = Detector.load(model, "cpu").metadata
    measured = _read_evaluation(evaluation, sha256_file(model))
    table = (evaluation / "evaluation.md").read_text(encoding="utf-8-sig")
    card = {
        "schema": CARD_SCHEMA,
        "file": model.name,
        "sha256": sha256_file(model),
        "name": metadata.name,
        "version": metadata.version,
        "license": metadata.license,
        "commit": commit,
        "commands": list(commands),
        "training": metadata.training,
        "source_checkpoint_sha256": metadata.source_checkpoint_sha256,
        "store": metadata.store,
        "parity": metadata.parity,
        "inconclusive_band": metadata.inconclusive_band,
        "evaluation": {
            key: measured.get(key)
            for key in (
                "data",
                "threshold",
                "bootstrap",
                "overall",
                "by_source",
                "held_out_sources",
                "robustness",
                "shortcut_probe",
                "versions",
            )
        },
    }
    try:
        write_whole(model.with_name("card.json"), json.dumps(card, indent=1, ensure_ascii=False) + "\n")
        write_whole(
            model.with_name("README.md"), as_markdown(card, notes.read_text(encoding="utf-8-sig"), table)
        )
    except OSError as error:
        raise OutputError(f"the card cannot be written beside {model}: {error.strerror}") from None


def as_markdown(card: Mapping[str, Any], notes: str, table: str) -> str:
    """The card for people: the error rate and the notes first, then the weights' origin, then the table of figures."""
    training = card["training"] or {}
    counts, parity = training.get("counts", {}), card["parity"]
    facts = {
        "File": f"`{card['file']}` ({card['store']} storage, fp32 computation)",
        "SHA-256": f"`{card['sha256']}`",
        "Licence": card["license"],
        "Code": f"commit `{card['commit']}`",
        "Data": f"{training.get('data')}, sources {', '.join(training.get('sources') or ['all'])}",
        "Roles": "; ".join(f"{role}: {n['Real']} Real, {n['Fake']} Fake" for role, n in counts.items()),
        "Recipe": _recipe(training.get("recipe", {})),
        "Starting weights": (training.get("init") or {}).get("from"),
        "Seed": training.get("seed"),
        "Best epoch": f"{training.get('epoch')}, select AUC {training.get('select_auc', 0):.4f}",
        "Parity with torch": f"max \\|Δp\\| {parity['max_abs_prob']:.2g} over {parity['images']} images",
    }
    if (band := card.get("inconclusive_band")) is not None:
        facts["Called real"] = (
            f"below {band['low']:g}: at most {band['missed']:.0%} of fakes like those of the calibrate role, with "
            f"{band['confidence']:.0%} confidence ({band['below']} of {band['fakes']} were, {band['under']})"
        )
    lines = [
        f"# {card['name']} {card['version']}",
        "",
        *_headline(card["evaluation"].get("held_out_sources")),
    ]
    lines += [notes.strip(), "", "## Where they come from", ""]
    lines += ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in facts.items()), ""]
    lines += ["```sh", *card["commands"], "```", ""] if card["commands"] else []
    lines += ["## Measured", "", table.partition("\n")[2].strip()]
    return "\n".join(lines) + "\n"


def _headline(held_out: Mapping[str, Any] | None) -> list[str]:
    """What a reader must know first: how often real pictures of a kind are flagged that the threshold has not seen."""
    if held_out is None:
        return []
    by_source, mean, pooled = held_out["by_source"], held_out["of_a_source"], held_out["pooled"]
    between = "" if mean["interval"] is None else " [{:.1%}, {:.1%}]".format(*mean["interval"])
    name, worst = max(by_source.items(), key=lambda item: item[1]["value"])
    return [
        f"**Of real pictures of a source that had no part in the threshold, {pooled['value']:.1%} are flagged**, where "
        f"{held_out['rate']:.0%} was the aim; of a source {mean['value']:.1%}{between} on average over "
        f"{len(by_source)}, and at most {worst['value']:.1%} ({name}: {worst['flagged']} of {worst['real']}).",
        "",
    ]


def _recipe(recipe: Mapping[str, Any]) -> str:
    phases = ", ".join(
        f"{phase['epochs']} epochs at {phase['size']} px, lr {phase['lr']:g}"
        for phase in recipe.get("phases", ())
    )
    return (
        f"{recipe.get('name')}: {phases}; {recipe.get('optimizer')}, {recipe.get('schedule')} schedule, "
        f"{recipe.get('batch_size')} images a step"
    )


def _read_evaluation(folder: Path, sha256: str) -> dict[str, Any]:
    file = folder / "evaluation.json"
    try:
        measured: dict[str, Any] = json.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise DataError(
            f"{file} cannot be read ({type(error).__name__}); run scan-evaluate --out {folder}"
        ) from None
    theirs = measured["model"]["sha256"]
    if theirs != sha256:
        raise DataError(f"{file} measured another model ({theirs[:12]}…); run scan-evaluate on this one")
    return measured


if __name__ == "__main__":
    run_command(write_card)
