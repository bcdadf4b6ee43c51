"""What is: Google Cloud and the clusters read into the shapes that desired resources have.

Lists only, so that the cost grows with pages and not with resources, and each list once per Reader,
shared by all front doors of a project. Nothing here writes.
"""

from edgebook.live.clusters import observe
from edgebook.live.project import read_live
from edgebook.live.reader import Reader

__all__ = ["Reader", "observe", "read_live"]
