"""`python -m gcpsim` is the command `gcpsim`."""

import sys

from gcpsim.front.cli import main

sys.exit(main())
