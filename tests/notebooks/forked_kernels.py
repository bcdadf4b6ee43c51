"""For nbval, `-p tests.notebooks.forked_kernels`: kernels that are forked, as the runner's are.

An ordinary kernel takes three seconds of CPU until its first plan. Which notebooks need one to be
tested says whoever runs nbval.
"""

import atexit
from functools import cache
from importlib.metadata import EntryPoint
from typing import Any

from edgebook.runbook.kernels import ForkProvisioner, WarmProcess
from jupyter_client.provisioning import KernelProvisionerFactory

NAME = "forked"


class Forked(ForkProvisioner):
    """Forks from the one warm process of this nbval."""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        self.parent.warm = warm()
        return await super().launch_kernel(cmd, **kwargs)


@cache
def warm() -> WarmProcess:
    made = WarmProcess()
    atexit.register(made.close)
    return made


factory = KernelProvisionerFactory.instance()
factory.provisioners[NAME] = EntryPoint(NAME, f"{__name__}:Forked", factory.GROUP_NAME)
factory.default_provisioner_name = NAME
