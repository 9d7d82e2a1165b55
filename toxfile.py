"""A tox runner whose environments share one folder: torch with its CUDA libraries takes about 6 GB."""

import json

from tox.plugin import impl
from tox.tox_env.python.virtual_env.runner import VirtualEnvRunner
from tox.tox_env.register import ToxEnvRegister


class SharedVirtualEnv(VirtualEnvRunner):
    """A virtual environment that several of tox's environments use, one after the other."""

    @staticmethod
    def id() -> str:
        """Return the runner's name in tox.ini."""
        return "shared-virtualenv"

    def _setup_env(self) -> None:
        """Take over the folder that another environment made; tox would recreate it for the other name.

        The other environment's packages stay. tox forgets which they were, since it would recreate the folder for
        each that this environment does not ask for; pip then installs only what is missing.
        """
        info = self.env_dir / ".tox-info.json"
        if info.exists():
            content = json.loads(info.read_text(encoding="utf-8"))
            own = {"name": self.conf.name, "type": type(self).__name__}
            if content.get("ToxEnv") != own:
                content["ToxEnv"] = own
                content.pop("RunToxEnv", None)
                info.write_text(json.dumps(content), encoding="utf-8")
        super()._setup_env()


@impl
def tox_register_tox_env(register: ToxEnvRegister) -> None:
    """Register the runner."""
    register.add_run_env(SharedVirtualEnv)
