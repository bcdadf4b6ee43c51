"""What a preflight asks about a project: Resource Manager, Service Usage, service accounts."""

from gcpsim.project.resourcemanager import ResourceManager
from gcpsim.project.serviceaccounts import ServiceAccounts
from gcpsim.project.serviceusage import ServiceUsage

__all__ = ["ResourceManager", "ServiceAccounts", "ServiceUsage"]
