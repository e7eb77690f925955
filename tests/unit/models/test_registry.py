"""A vendor of models is one folder and one line in the registry, and no other change."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from atlas_mcp.atlas.messages import ModelRequest, Text, UserTurn
from atlas_mcp.config.settings import Settings
from atlas_mcp.errors import ConfigError, InvalidInput
from atlas_mcp.models.pool import Pool
from atlas_mcp.models.registry import VENDORS, nameable

ASK = ModelRequest(system="", turns=(UserTurn((Text("q"),)),), max_tokens=100)

FACTS = """
from atlas_mcp.config.vendor_facts import VendorFacts

FACTS = VendorFacts(key_variables=("MAKER_KEY",), keys=frozenset({"tools"}))
"""

VENDOR = '''
"""A vendor as somebody else might write one."""

from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.usage import FREE, Price
from atlas_mcp.models.scripted.model import Says, Scripted
from atlas_mcp.models.vendor import READY, Connected, Vendor


def open_vendor(settings, *, trust):
    return Maker(settings, trust=trust)


class Maker(Vendor):
    prepared = ()

    def spec(self, model, entry):
        return ModelSpec(model, price=Price(FREE, FREE), endpoint={"tenant": "t"})

    def missing(self, spec):
        return "no tenant: run `maker login`" if spec.model.endswith("/none") else None

    def connect(self, spec):
        return Connected(Scripted(lambda _: Says("made"), "maker"), spec.model, "maker", 1)

    async def check(self, spec):
        return READY if spec.model == "maker/m" else "no such model there"

    async def prepare(self, spec, on_notice):
        self.prepared += (spec.model,)
'''


@pytest.fixture
def maker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Put a vendor's folder beside the package, and its line into the registry."""
    folder = tmp_path / "maker_of_models"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "facts.py").write_text(FACTS)
    (folder / "vendor.py").write_text(VENDOR)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setitem(VENDORS, "maker", "maker_of_models")
    return "maker/m"


def pool(home: Path) -> Pool:
    return Pool(Settings(home=home))


async def test_a_vendor_is_one_folder_and_one_line(maker: str, tmp_path: Path) -> None:
    made = pool(tmp_path)

    [solver] = made.solvers([maker])
    orchestrator = made.orchestrator([solver])
    await made.prepare([solver.spec], on_notice=lambda _: None)
    reply = await (await made.loaded(solver.spec, lambda _: None)).generate(ASK)
    states = [await made.check(spec) for spec in (solver.spec, made.entries(["maker/x"])[0].spec)]
    vendor = made.vendors.of(maker)
    await made.aclose()

    assert (solver.name, solver.spec.endpoint) == (maker, {"tenant": "t"})
    assert orchestrator == solver.spec
    assert reply.turn.text == "made"
    assert states == ["ready", "no such model there"]
    assert getattr(vendor, "prepared", ()) == (maker,)


def test_its_missing_part_is_named_before_anything_is_spent(maker: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'maker/none' cannot be used: no tenant: run `maker"):
        pool(tmp_path).solvers(["maker/none"])


def test_an_error_lists_it_with_the_others(maker: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"'xyz/m' is of no known vendor; .*'maker/…'"):
        pool(tmp_path).solvers(["xyz/m"])


def test_the_names_that_may_be_given_besides_the_configured_ones_are_told() -> None:
    assert nameable() == "any 'VENDOR/MODEL', 'local' and 'local/NAME'"


def test_no_vendor_is_imported_before_a_model_of_it_is_named() -> None:
    modules = sorted({f"{folder}.vendor" for folder in VENDORS.values()})
    code = (
        "import sys, atlas_mcp.models.pool;"
        f"sys.exit(', '.join(one for one in {modules!r} if one in sys.modules) or None)"
    )

    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (ran.returncode, ran.stderr) == (0, "")
