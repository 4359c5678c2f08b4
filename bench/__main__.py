"""`python -m bench`: help-centre pages against the floor, then the pages of requests, then erasing at size, then the
search against others; printed as tables (`bench.run`, `bench.desk`, `bench.privacy`, `bench.search.run`)."""

import sys

from bench import desk, privacy, run
from bench.search import run as search

sys.exit(run.main() or desk.main([]) or privacy.main([]) or search.main([]))
