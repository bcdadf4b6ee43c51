"""`python -m gcpsim` is the command `gcpsim`."""

import sys

from gcpsim.cli import main

sys.exit(main())
