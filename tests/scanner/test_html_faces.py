"""The pictures of the HTML page, with a box around each face that was scored."""

from __future__ import annotations

import base64
import io
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageStat
from portraits import on_grey

from scanner import FileResult, Finding, Policy, Status
from scanner.reports.html_faces import MOST_BOXES, MOST_NUMBERS, figure
from scanner.results import Region
from scanner.results.preview import Preview

POLICY = Policy(0.7, 0.5, "option")
PREVIEW = Preview("data:image/jpeg;base64,AAAA", "data:image/jpeg;base64,BBBB")
HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>.jpg'


class Tags(HTMLParser):
    """Each element with its attributes, and the text."""

    def __init__(self, lines: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(lines)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attributes)))

    def handle_data(self, data: str) -> None:
        self.text += data

    @property
    def boxes(self) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.found if attributes.get("role") == "img"]

    @property
    def images(self) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.found if tag == "img"]


def scored(*values: float, name: str = "a.png") -> FileResult:
    """A face for each value, side by side."""
    step = 1 / len(values)
    findings = tuple(
        Finding(0.0, value, Region(n * step, 0.25, (n + 1) * step, 0.5), face=0.9)
        for n, value in enumerate(values)
    )
    return FileResult(name, Status.OK, faces=len(values), findings=findings)


def tags(result: FileResult, preview: Preview | None = PREVIEW) -> Tags:
    return Tags("\n".join(figure(result, preview, POLICY)))


def test_each_face_has_a_box_that_says_its_number_value_and_verdict() -> None:
    page = tags(scored(0.2, 0.9, 0.55, 0.8))
    assert [box["class"] for box in page.boxes] == [
        "box real",
        "box fake decides",
        "box inconclusive",
        "box fake",
    ]
    assert [box["aria-label"] for box in page.boxes] == [
        "face 1 of 4: 0.200000, not flagged",
        "face 2 of 4: 0.900000, fake",
        "face 3 of 4: 0.550000, inconclusive",
        "face 4 of 4: 0.800000, fake",
    ]
    assert all(box["title"] == box["aria-label"] for box in page.boxes)
    assert page.boxes[1]["style"] == "left:25.00%;top:25.00%;width:25.00%;height:25.00%"
    assert [image["src"] for image in page.images] == [PREVIEW.picture, PREVIEW.judged]
    assert page.images[1]["alt"] == "face 2 of 4"
    assert re.sub(r"\s+", " ", page.text).strip() == "1 2 3 4 0.900000 face 2 of 4a.png"


def test_a_lone_face_needs_no_number_and_a_crowd_has_one_alone() -> None:
    assert "<b>" not in "".join(figure(scored(0.9), PREVIEW, POLICY))
    crowd = "".join(figure(scored(*[0.1] * MOST_NUMBERS, 0.9), PREVIEW, POLICY))
    assert re.findall("<b>(.*?)</b>", crowd) == [str(MOST_NUMBERS + 1)]


def test_of_a_crowd_the_most_suspicious_have_boxes_and_the_page_says_so() -> None:
    values = [0.3] * 50 + [0.1] * 200 + [0.4] * 49 + [0.3] * 20
    page = tags(scored(*values))
    numbers = [int(str(box["aria-label"]).split()[1]) for box in page.boxes]
    assert numbers == [*range(1, 51), *range(251, 300), 300] and len(numbers) == MOST_BOXES
    assert f"boxes around the {MOST_BOXES} with the highest values" in page.text
    assert "boxes around" not in tags(scored(*values[:MOST_BOXES])).text


@pytest.mark.parametrize("preview", [None, Preview(PREVIEW.judged), PREVIEW])
def test_a_name_is_text_whatever_it_holds(preview: Preview | None) -> None:
    page = tags(scored(0.9, 0.2, name=HOSTILE), preview)
    assert {tag for tag, _ in page.found} <= {"figure", "div", "img", "span", "b", "figcaption", "br", "wbr"}
    assert not any(name.startswith("on") for _, attributes in page.found for name in attributes)
    assert HOSTILE in page.text
    assert len(page.boxes) == (2 if preview is PREVIEW else 0)


def test_a_model_of_whole_pictures_shows_what_it_judged() -> None:
    result = FileResult("a.png", Status.OK, findings=(Finding(0.0, 0.9),))
    page = tags(result, Preview(PREVIEW.judged))
    assert [image["src"] for image in page.images] == [PREVIEW.judged]
    assert page.boxes == [] and "face" not in page.text


def image_of(source: str | None) -> Image.Image:
    assert source is not None and source.startswith("data:image/jpeg;base64,")
    return Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))).convert("L")


@pytest.mark.slow
def test_boxes_lie_around_the_faces_in_the_shape_of_the_picture(
    tmp_path: Path, scan: Any, faces_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wide, high, and wide as stored and high as EXIF turns it."""
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    on_grey(1200, 800, ("collins", 300, 50, 300), ("hopper", 500, 500, 150)).save("in/wide.png")
    high = on_grey(600, 900, ("hopper", 400, 150, 400))
    high.save("in/high.png")
    exif = high.getexif()
    exif[0x0112] = 6
    high.rotate(90, expand=True).save("in/turned.jpg", exif=exif, quality=95)
    scan("in", "--out", "r.html", "--model", faces_model, "--exit-zero", "-q")
    page = Path("r.html").read_text(encoding="utf-8")
    figures = {
        name: Tags(lines)
        for name in ("wide.png", "high.png", "turned.jpg")
        for lines in re.findall("<figure>.*?</figure>", page, re.DOTALL)
        if name in lines
    }
    sizes = {name: image_of(one.images[0]["src"]).size for name, one in figures.items()}
    assert sizes == {"wide.png": (400, 267), "high.png": (267, 400), "turned.jpg": (267, 400)}
    for name, one in figures.items():
        picture, judged = (image_of(image["src"]) for image in one.images)
        (box,) = (box for box in one.boxes if "decides" in str(box["class"]))
        left, top, width, height = (float(part) / 100 for part in re.findall(r"[\d.]+", str(box["style"])))
        edges = (left * picture.width, top * picture.height)
        edges += (edges[0] + width * picture.width, edges[1] + height * picture.height)
        shown = picture.crop(tuple(map(round, edges))).resize((32, 32))
        difference = ImageStat.Stat(ImageChops.difference(shown, judged.resize((32, 32)))).mean[0]
        assert difference < 12, f"{name}: the box holds another thing than the square"


@pytest.mark.slow
def test_a_file_that_has_changed_since_is_not_shown(
    tmp_path: Path, scan: Any, faces_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from scanner import audit

    monkeypatch.chdir(tmp_path)
    on_grey(600, 600, ("collins", 400, 100, 100)).save("a.png")
    real = audit.previews

    def changed(*arguments: Any) -> Any:
        on_grey(600, 600, ("hopper", 400, 100, 100)).save("a.png")
        return real(*arguments)

    monkeypatch.setattr(audit, "previews", changed)
    scan("a.png", "--out", "r.html", "--model", faces_model, "--exit-zero")
    assert "data:image/jpeg" not in Path("r.html").read_text(encoding="utf-8")
