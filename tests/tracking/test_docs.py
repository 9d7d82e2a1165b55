import json
import re

from harness.tracking.follower import Follower
from tests.helpers import REPOSITORY
from tests.tracking.growing import GrowingCase


def test_the_documents_tracker_is_short_and_logs_a_resumed_case(results):
    (example,) = re.findall(r"```python\n(.*?)```", (REPOSITORY / "docs/trackers.md").read_text(), re.DOTALL)
    assert len(example.splitlines()) <= 40
    defined = {}
    exec(example, defined)
    case = GrowingCase(results)
    case.begin()

    def follow():
        Follower("json", lambda: defined["JsonTracker"](results.root), [case.followed()], print).end(None)

    case.train(2)
    follow()
    case.resume()
    case.train(2)
    result = case.end()
    follow()
    (path,) = results.root.glob("json-runs/*.json")
    content = json.loads(path.read_text())
    assert [epoch["train_accuracy_percent"] for epoch in content["epochs"]] == [51, 52, 53, 54]
    assert content["measures"]["accuracy_percent"] == result.accuracy_percent
    assert (content["name"], content["status"]) == ("digits resnet8 seed 0", "complete")
