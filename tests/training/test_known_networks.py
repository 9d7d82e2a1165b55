from harness.results.folder import ResultsFolder
from harness.training.known_networks import require_known
from harness.training.train import train
from tests.helpers.networks import Plain, own_case
from tests.helpers.tiny import CPU


def test_own_network_is_known_after_training_without_a_study(tmp_path, tiny_dataset, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    case = own_case(tiny_dataset, lambda in_channels, num_classes: Plain(in_channels, num_classes))
    result = train(case, tiny_dataset, ResultsFolder(tmp_path / "results"), CPU)
    require_known(result, result.network)
