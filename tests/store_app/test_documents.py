"""What docs/widget_store.md shows is the code that runs."""

import pytest

from tests.store_app.kit import ROOT
from tests.tidy.test_documents import Block, blocks

DOCUMENT = ROOT / "docs" / "widget_store.md"
SOURCES = {path.name: path.read_text() for path in (ROOT / "examples" / "widget_store").glob("*.py")}


@pytest.mark.parametrize("block", [block for block in blocks() if block.path == DOCUMENT], ids=str)
def test_the_document_quotes_the_example(block: Block) -> None:
    assert any(block.code in source for source in SOURCES.values()), f"{block}: no file of the example has this"
