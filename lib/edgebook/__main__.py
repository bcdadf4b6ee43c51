"""`python -m edgebook` is the command `edgebook`."""

import sys

from edgebook.cli import main

sys.exit(main())
