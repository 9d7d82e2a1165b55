"""A figure of names that SVG, XML or fonts may trip over."""

from harness.report.figures.figure import draw_figure

ODD_NAMES = ["$x_1^2$", "a_b", "<script>", "R&D", "猫", "عربي", "\x01", "two\nlines", "{", "\\frac"]


def draw_sample(name="sample"):
    def draw(canvas):
        plot = canvas.subplots()
        plot.plot([0, 1], [0, 1], marker="o")
        plot.set_yticks(range(len(ODD_NAMES)), ODD_NAMES)

    return draw_figure(name, "A title", "A caption", "A description", draw, (4, 3))
