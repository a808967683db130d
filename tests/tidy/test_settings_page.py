"""docs/settings.md says of every setting what it is by default."""

import re
from dataclasses import fields
from pathlib import Path

from stepwell import Settings

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"
ROW = re.compile(r"^\| `(\w+)` \| (\S+) \| \S", re.MULTILINE)


def test_the_page_lists_every_setting_with_its_default() -> None:
    listed = dict(ROW.findall(PAGE.read_text()))
    defaults = {field.name: field.default for field in fields(Settings)}
    assert listed == {
        name: f"{value:g}" if isinstance(value, float) and value < 1e6 else str(value).removesuffix(".0")
        for name, value in defaults.items()
    }
