"""`python -m bench`: the portal's pages against the floor, printed as tables (see `bench.run`)."""

import sys

from bench.run import main

sys.exit(main())
