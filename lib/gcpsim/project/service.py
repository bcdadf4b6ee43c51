"""What a preflight asks about a project: Resource Manager and Service Usage."""

from gcpsim.project.resourcemanager import ResourceManager
from gcpsim.project.serviceusage import ServiceUsage

__all__ = ["ResourceManager", "ServiceUsage"]
