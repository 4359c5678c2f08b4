"""`python -m bench`: the portal's pages against the floor, then the search against others, printed as tables (see
`bench.run` and `bench.search.run`)."""

import sys

from bench import run
from bench.search import run as search

sys.exit(run.main() or search.main([]))
