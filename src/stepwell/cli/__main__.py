"""`python -m stepwell.cli`: the same as `stepwell`, for processes that start others."""

from stepwell.cli.main import main

main()
