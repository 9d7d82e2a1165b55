import itertools

from harness.report.figures.labels import NARROWEST, NamedPoint, place_labels

HEIGHT = 250


def box(point, place):
    width = 6.9 * len(point.name)
    left = NARROWEST * point.x + place.dx - {"start": 0, "middle": width / 2, "end": width}[place.anchor]
    return left, point.y + place.dy - 11, left + width, point.y + place.dy + 3


def overlap(one, other):
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def test_names_of_near_points_do_not_cover_each_other():
    points = [NamedPoint(f"resnet{k}", 0.3 + 0.04 * k, 100 + 9 * k, k % 2 == 0) for k in range(6)]
    places = place_labels(points, [], HEIGHT)
    boxes = [box(point, places[point.name]) for point in points if point.name in places]
    assert len(boxes) >= 3
    assert not any(overlap(one, other) for one, other in itertools.combinations(boxes, 2))


def test_a_name_without_room_is_left_out():
    crowd = [NamedPoint("", x / 40, y, False) for x in range(41) for y in range(0, HEIGHT, 10)]
    assert place_labels([NamedPoint("resnet20", 0.5, 120, False)], crowd, HEIGHT) == {}


def test_names_of_deep_models_are_below_others_above():
    deep, wide = NamedPoint("resnet56", 0.3, 100, True), NamedPoint("resnet20-4", 0.7, 100, False)
    places = place_labels([deep, wide], [], HEIGHT)
    assert places["resnet56"].dy > 0 > places["resnet20-4"].dy


def test_names_stay_inside_the_drawing():
    corner = NamedPoint("resnet20-4", 1.0, 2.0, False)
    _, top, right, _ = box(corner, place_labels([corner], [], HEIGHT)["resnet20-4"])
    assert top >= 0
    assert right <= NARROWEST + 16
