"""The process in which one measurement is made; `protocol.run_child` starts it."""

import sys

from bench.protocol import child_main

if __name__ == "__main__":
    child_main(sys.argv[1:])
