"""The search against what others use, on the sets that come with the portal, and on any further pairs of files.

    python -m bench.search.run [CORPUS.jsonl QUERIES.tsv ...]

PostgreSQL takes part where the tests find one. Mind when reading: the everyday synonyms of the library were written
after the demo's queries had been read, so those figures flatter it; the starter's queries were written without running
anything.
"""

from __future__ import annotations

import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from bench.search import demo
from bench.search.evaluate import compare, table
from tests.support.postgresql import Server, Unavailable


def main(arguments: list[str]) -> int:
    """Print one table for each set."""
    if len(arguments) % 2:
        print(__doc__, file=sys.stderr)
        return 2
    with ExitStack() as stack:
        sets = demo.write(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        sets += [Path(argument) for argument in arguments]
        url = _postgresql(stack)
        for corpus, queries in zip(sets[::2], sets[1::2], strict=True):
            print(f"\n{corpus.stem}\n{table(compare(corpus, queries, url, ()))}", flush=True)
    print(
        "\nThe library's synonyms were written after the demo's queries had been read: its figures there flatter it."
    )
    return 0


def _postgresql(stack: ExitStack) -> str | None:
    try:
        server = Server()
    except Unavailable as fault:
        print(f"without PostgreSQL: {fault}")
        return None
    stack.callback(server.stop)
    return server.template_url.replace("+psycopg", "")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
