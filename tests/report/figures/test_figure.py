import re
from xml.etree import ElementTree

from harness.report.figures.figure import draw_figure
from harness.text import printable_lines
from tests.helpers.evil_names import EVIL_NAMES
from tests.report.figures.sample import draw_sample


def test_any_name_gives_well_formed_svg_that_contains_it():
    svg = draw_sample().svg
    texts = {text for one in ElementTree.fromstring(svg).iter() for text in [(one.text or "").strip()] if text}
    assert {"$x_1^2$", "a_b", "<script>", "R&D", "猫", "\\frac"} <= texts
    assert "\x01" not in svg


def test_same_drawing_gives_same_bytes_and_others_share_no_id():
    assert (draw_sample().svg, draw_sample().png) == (draw_sample().svg, draw_sample().png)
    ids = [set(re.findall(r'\bid="([^"]+)"', draw_sample(name).svg)) for name in ("one", "other")]
    assert ids[0]
    assert not ids[0] & ids[1]


def test_names_in_a_drawing_are_printable():
    def draw(canvas):
        plot = canvas.subplots()
        plot.set_yticks(range(len(EVIL_NAMES)), EVIL_NAMES)
        plot.set_title("".join(EVIL_NAMES))
        plot.plot([0], [0], label="\x1b[31m\u202e$\\frac{")
        canvas.legend()

    svg = draw_figure("evil", "", "", "", draw, (4, 4)).svg
    assert printable_lines(svg) == svg
    assert ElementTree.fromstring(svg) is not None
    assert r"\x1b[31m\u202e$\frac{" in svg
