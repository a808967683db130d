"""The benchmark: Stepwell and DBOS side by side on one Postgres. `python -m bench --help`; see README.md."""
