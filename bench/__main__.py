"""`python -m bench`: help-centre pages against the floor, then the pages of requests, then the search against others;
printed as tables (`bench.run`, `bench.desk`, `bench.search.run`)."""

import sys

from bench import desk, run
from bench.search import run as search

sys.exit(run.main() or desk.main([]) or search.main([]))
