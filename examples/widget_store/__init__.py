"""A small shop whose orders survive a crash at any moment: `python -m examples.widget_store`, then look at README.md.

checkout.py      the workflow: from the click to the delivery
stock.py         its transactions: orders, stock and money in the shop's own tables
database.py      one database for both, SQLite or Postgres
pages.py         what the browser asks for
live.py          what it is told without asking
views.py         what the pages show
server.py        one server process: pages and engine
supervisor.py    starts server processes, again when they die
"""
