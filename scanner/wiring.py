"""From the options of ``scan`` to a run: loads the model, opens what the run reads and writes, builds the Audit."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from models.faces.rules import LAWS_OWN, FaceRules, NoFace
from models.support import terminal
from models.support.errors import ExitCode, Failure
from models.support.machine import usable_cores
from scanner.audit import Audit, Scoring
from scanner.engine.batches import automatic_batch_size
from scanner.inference.detector import Detector
from scanner.judgement.baseline import Baseline
from scanner.judgement.judging import Judging
from scanner.judgement.policy import FailOn, Gate, Policy
from scanner.judgement.tally import Tally
from scanner.media import Limits
from scanner.memory import Journal, Memories, build_header
from scanner.options import Options
from scanner.outputs import Outputs
from scanner.provenance_options import verification_of
from scanner.reports.redaction import check_report_names
from scanner.reports.reporting import Reporting
from scanner.results.identity import Identity
from scanner.results.names import encode_path, printable
from scanner.sampling_options import sampling_of
from scanner.sources import Candidate, Operand, ScanIgnore, Selection, read_file_list, walk
from scanner.terminal.log import logging_to, sigterm_interrupts
from scanner.terminal.progress import NullProgress, Progress, ScanBar, has_room_for_bar
from scanner.terminal.speaker import Speaker

if TYPE_CHECKING:
    from scanner.heat_map_options import HeatMaps
    from scanner.memory.cache import Cache


class FacesError(Failure):
    """Faces are asked of a model that judges whole pictures."""


def run(options: Options, *, configuration: Mapping[str, Any], note: str | None = None) -> ExitCode:
    """The whole command: outputs are settled before the model is loaded, and the log covers all that follows.

    ``configuration`` says where options came from, for the manifest; ``note`` says it to the person.
    """
    baseline = Baseline.read(options.baseline) if options.baseline is not None else None
    outputs = Outputs.settle(options.outs, options.manifest, options.log_file, options.format)
    if options.redact_paths:
        check_report_names(outputs.reports)
    heat_maps = _heat_maps(options)
    speaker = Speaker(_progress(options, outputs), quiet=options.quiet, verbose=options.verbose)
    if note is not None:
        speaker.say(note)
    with logging_to(options.log_file, verbose=options.verbose), sigterm_interrupts():
        audit = build(
            options, outputs, speaker, baseline=baseline, configuration=configuration, heat_maps=heat_maps
        )
        return audit.run()


def build(
    options: Options,
    outputs: Outputs,
    speaker: Speaker,
    *,
    baseline: Baseline | None,
    configuration: Mapping[str, Any],
    heat_maps: HeatMaps | None = None,
) -> Audit:
    """Load the model, open the cache, and put the run together; no file is looked at yet."""
    sampling = sampling_of(options)
    detector = _for_faces(Detector.load(options.model, options.device), options).looking_at(sampling)
    verification, about = verification_of(options.trust_list)
    if about is not None:
        speaker.say(about)
    detector = detector.verifying(verification)
    policy = Policy.for_model(detector.metadata, options.threshold)
    if heat_maps is not None:
        heat_maps.begin(detector)
    _say_what_the_model_lacks(detector, speaker)
    limits, tally = Limits.of(**options.limits()), Tally()
    return Audit(
        _candidates(options, outputs, tally),
        tally,
        Scoring(
            detector,
            limits,
            workers=options.workers or usable_cores(),
            batch_size=options.batch_size or automatic_batch_size(detector),
        ),
        Judging(
            policy,
            Gate(FailOn(options.fail_on), options.max_errors, options.strict, options.exit_zero),
            baseline,
        ),
        Memories(
            open_journal=_journal(options, outputs, detector, limits),
            cache=_cache(options, detector, limits, speaker),
        ),
        Reporting(
            outputs.reports,
            outputs.manifest,
            options={**options.recorded(), "limits": asdict(limits)},
            configuration=configuration,
            thumbnails=not options.no_thumbnails,
            sarif_known=options.sarif_known,
            redact=options.redact_paths,
        ),
        speaker,
        inputs=[encode_path(path) for path in options.paths],
        allow_empty=options.allow_empty,
        heat_maps=heat_maps,
    )


def _for_faces(detector: Detector, options: Options) -> Detector:
    """Told which faces to judge. Raises :class:`FacesError` where that is asked of a model of whole pictures."""
    asked = {
        "--faces": options.faces or None,
        "--no-face": options.no_face,
        "--min-face": options.min_face,
        "--max-faces": options.max_faces,
    }
    given = [name for name, value in asked.items() if value is not None]
    if given and not detector.facts.of_faces:
        raise FacesError(
            f"{detector.path} judges whole pictures, for which {' and '.join(given)} can do nothing; leave that out, "
            "or leave out --model: the shipped weights judge faces"
        )
    if options.no_face is None and options.min_face is None:
        return detector
    rules = FaceRules(options.min_face or LAWS_OWN.min_face, NoFace(options.no_face or LAWS_OWN.no_face))
    return detector.judging(rules)


def _say_what_the_model_lacks(detector: Detector, speaker: Speaker) -> None:
    if detector.faces.no_face is NoFace.WHOLE:
        speaker.say("note: pictures without a face are scored whole, which this model was not trained for")
    if detector.fallback is not None:
        speaker.say(f"note: scanning on the CPU: {detector.fallback}")
    if not detector.metadata.calibrated:
        speaker.say(
            "note: this model is not calibrated; prob_fake is a score, its threshold was not chosen on data"
        )


def _candidates(options: Options, outputs: Outputs, tally: Tally) -> Iterator[Candidate]:
    """The walk, which tells ``tally`` what gets no row."""

    def on_skip(name: str, kind: str) -> None:
        tally.other_files[str(kind)] += 1
        if options.list_skipped:
            terminal.say(f"no row: {printable(name)} ({kind})")

    selection = Selection(
        recursive=options.recursive,
        follow_symlinks=options.follow_symlinks,
        include=options.include,
        exclude=options.exclude,
        force_exclude=options.force_exclude,
        documents=options.documents,
        media_only=options.media_only,
    )
    scanignore = None if options.no_scanignore else ScanIgnore(lambda *used: tally.scanignore.add(used))
    return walk(
        _operands(options),
        selection,
        ignore=outputs.own_files(options.cache, options.heatmaps),
        on_skip=on_skip,
        scanignore=scanignore,
    )


def _operands(options: Options) -> Iterator[str | Operand]:
    yield from options.paths
    if options.files_from is not None:
        names = read_file_list(_own_stream(options.files_from), options.null)
        yield from (Operand(name, literal=True) for name in names)


def _own_stream(stream: BinaryIO) -> BinaryIO:
    """Standard input without the interpreter's buffer: a thread that waits in that buffer keeps Python from ending."""
    if stream is getattr(sys.stdin, "buffer", None):
        with contextlib.suppress(OSError):  # io.UnsupportedOperation: a stand-in without a descriptor
            return open(stream.fileno(), "rb", buffering=0, closefd=False)
    return stream


def _cache(options: Options, detector: Detector, limits: Limits, speaker: Speaker) -> Cache | None:
    if options.cache is None:
        return None
    from scanner.memory.cache import Cache

    return Cache(
        options.cache,
        Identity.of(detector.facts).key(),
        limits,
        rehash=options.rehash,
        max_bytes=options.cache_mib << 20,
        warn=speaker.warn,
    )


def _heat_maps(options: Options) -> HeatMaps | None:
    if options.heatmaps is None:
        return None
    from scanner.heat_map_options import HeatMaps

    return HeatMaps.of(options.heatmaps, options.heatmaps_for)


def _journal(
    options: Options, outputs: Outputs, detector: Detector, limits: Limits
) -> Callable[[], Journal] | None:
    """Opened by the run; ``None`` if every report is a stream, which cannot be written anew."""
    if outputs.journal is None:
        return None
    header = build_header(detector.facts, limits, options.selection())
    return partial(Journal.open, outputs.journal, header, restart=options.restart)


def _progress(options: Options, outputs: Outputs) -> Progress:
    unwanted = options.no_progress or options.quiet or options.verbose or options.list_skipped
    if unwanted or not has_room_for_bar(target.path for target in outputs.reports):
        return NullProgress()
    return ScanBar(_known_total(options))


def _known_total(options: Options) -> int | None:
    """How many rows there will be, if every operand is a file; ``None`` if only the walk can tell."""
    if options.files_from is not None or not all(Path(path).is_file() for path in options.paths):
        return None
    return len(set(options.paths))
