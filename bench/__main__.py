"""`python -m bench`: help-centre pages against the floor, then the pages of requests, then erasing at size, trying
other promises on many, then the search against others; printed as tables (`bench.run`, `bench.desk`, `bench.privacy`,
`bench.sla.what_if`, `bench.sla.running`, `bench.sla.calendar_edit`,
`bench.search.run`)."""

import sys

from bench import desk, privacy, run
from bench.search import run as search
from bench.sla import calendar_edit, running, what_if

sys.exit(
    run.main()
    or desk.main([])
    or privacy.main([])
    or what_if.main([])
    or running.main([])
    or calendar_edit.main([])
    or search.main([])
)
