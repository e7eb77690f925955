"""The built page, as it stands in the package. That it is the source's is for the build's rig."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import Path

ROOT = Path(__file__).parents[4]
PAGE = (files("atlas_mcp.views.page") / "page.html").read_text(encoding="utf-8")
LOCK = (ROOT / "ui/package-lock.json").read_text(encoding="utf-8")
MANIFEST = json.loads((ROOT / "ui/package.json").read_text(encoding="utf-8"))


def test_it_is_small_enough_to_be_sent() -> None:
    assert len(PAGE.encode()) < 1_500_000


def test_it_has_one_place_for_its_configuration_and_one_for_its_document() -> None:
    for name in ("atlas-config", "atlas-document"):
        assert PAGE.count(f'<script id="{name}" type="application/json">null</script>') == 1


def test_its_policy_allows_its_own_script_and_style_and_no_address() -> None:
    found = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', PAGE)

    assert found is not None
    policy = found[1]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy
    assert "http" not in policy


def test_it_loads_nothing() -> None:
    markup = re.sub(r"<(script|style)\b.*?</\1>", "", PAGE, flags=re.DOTALL)
    # An icon without an address keeps browsers from asking for one.
    markup = markup.replace('href="data:,"', "")
    style = PAGE[PAGE.rindex('<style rel="stylesheet"') : PAGE.rindex("</style>")]
    addresses = re.findall(r"url\(([^)]{0,30})", style)

    assert not re.search(r"\b(src|href)=|\bon[a-z]+=", markup)
    assert [one for one in addresses if not one.startswith("data:")] == []


def test_what_it_is_built_from_has_exact_versions_and_no_address() -> None:
    wanted = MANIFEST["dependencies"] | MANIFEST["devDependencies"]

    assert [one for one in wanted.values() if not re.fullmatch(r"\d+\.\d+\.\d+", one)] == []
    assert "http" not in LOCK
