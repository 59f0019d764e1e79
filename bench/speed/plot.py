"""The ratios as bars."""

from __future__ import annotations

from pathlib import Path

from bench.speed.measure import Results

_OURS, _PEERS = "#1f6f8b", "#b8bec4"


def plot(results: Results, base: str, title: str, file: Path) -> None:
    """One bar for each row with the real network: the median ratio to ``base``, and its range over the rounds."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = sorted((row for row in results.rows if row.plotted), key=lambda row: results.ratio(row.key, base))
    middle = [results.ratio(row.key, base) for row in rows]
    ranges = [results.ratios(row.key, base) for row in rows]
    figure, axes = pyplot.subplots(figsize=(9, 0.9 + 0.38 * len(rows)), layout="constrained")
    axes.barh(
        [row.name for row in rows],
        middle,
        xerr=[
            [value - min(values) for value, values in zip(middle, ranges, strict=True)],
            [max(values) - value for value, values in zip(middle, ranges, strict=True)],
        ],
        color=[_OURS if row.name.startswith("scan") else _PEERS for row in rows],
        error_kw={"linewidth": 1, "capsize": 3, "ecolor": "#333333"},
        height=0.65,
    )
    right = max((max(values) for values in ranges), default=1.0)
    for place, (value, values) in enumerate(zip(middle, ranges, strict=True)):
        axes.text(max(values) + 0.015 * right, place, f"{value:.1f}×", va="center", fontsize=9)
    axes.axvline(1, color="#333333", linewidth=0.8, linestyle=":")
    axes.set_xlim(0, 1.1 * right)
    axes.set_xlabel("images a second, relative to the notebook loop")
    figure.suptitle(title, fontsize=10)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    figure.savefig(file, dpi=150)
    pyplot.close(figure)
