"""Breaks the protocol rule by rule, and prints who notices.

python -m tests.mutants [words of a mutant's name]
"""

import sys
import time

from stepwell.testing import TemporaryPostgres
from stepwell.testing.logs import errors_logged
from tests.mutants.fact_mutants import FACT_MUTANTS
from tests.mutants.mutants import MUTANTS, Mutant
from tests.mutants.queue_mutants import QUEUE_MUTANTS


def main(wanted: str) -> int:
    """How many mutants nobody noticed."""
    chosen = [mutant for mutant in (*MUTANTS, *FACT_MUTANTS, *QUEUE_MUTANTS) if wanted in mutant.name]
    survivors = 0
    with TemporaryPostgres(fsync=False) as server, errors_logged():
        for number, mutant in enumerate(chosen):
            database = None if mutant.store == "sqlite" else server.create_database(f"mutant_{number}")
            began = time.monotonic()
            found = caught(mutant, database)
            survivors += found is None
            who = f"caught by {mutant.caught_by.__name__}" if found else "NOBODY NOTICED"
            print(f"{mutant.name:45} {who:35} {time.monotonic() - began:5.1f} s  {found or ''}", flush=True)
    print(f"{len(chosen)} mutants, {survivors} survive")
    return survivors


def caught(mutant: Mutant, database: str | None) -> str | None:
    """What the scenario says about the mutant, in one line; None if it sees nothing wrong."""
    try:
        with mutant.broken():
            mutant.caught_by(database)
    except AssertionError as error:
        return " ".join(str(error).split())[:150]
    return None


if __name__ == "__main__":
    sys.exit(main(" ".join(sys.argv[1:])) > 0)
