import re
from xml.etree import ElementTree

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
