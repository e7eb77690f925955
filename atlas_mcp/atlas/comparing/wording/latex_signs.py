"""The commands of LaTeX that `latex` knows: data, without a rule."""

from __future__ import annotations

SPACES = frozenset(
    {",", ";", ":", " ", ">", "~", "quad", "qquad", "enspace", "thinspace", "hfill", "\n", "space"}
)
"""Commands that are white space."""

IGNORED = frozenset(
    {
        *("!", "/", "left", "right", "middle", "big", "Big", "bigg", "Bigg", "bigl", "bigr"),
        *("Bigl", "Bigr", "biggl", "biggr", "Biggl", "Biggr", "displaystyle", "textstyle"),
        *("scriptstyle", "limits", "nolimits", "rm", "bf", "it", "large", "Large", "small"),
        *("normalsize", "negthinspace", "nonumber"),
    }
)
"""Commands that change the looks alone, without an argument."""

SKIPPED = frozenset({"hspace", "vspace", "phantom", "hphantom", "vphantom", "label"})
"""Commands that are left out together with their argument."""

STYLES = frozenset(
    {
        *("text", "textbf", "textit", "textrm", "textsf", "texttt", "textnormal", "textup", "emph"),
        *("mathrm", "mathbf", "mathit", "mathsf", "mathtt", "mathnormal", "boldsymbol", "bm"),
        *("mbox", "hbox", "ce", "num", "unit", "si", "mathop", "mathbin", "mathrel", "mathord"),
        *("smash", "boldmath"),
    }
)
"""Commands that change the looks of their argument."""

ACCENTS = frozenset(
    {
        *("overline", "bar", "dot", "ddot", "vec", "hat", "tilde", "underline", "widehat"),
        *("widetilde", "overrightarrow", "overleftarrow", "overleftrightarrow", "boxed", "cancel"),
        *("begin", "end", "check", "breve", "acute", "grave", "mathcal", "mathfrak", "mathscr"),
        *("mathbb", "xrightarrow", "xleftarrow", "overbrace", "underbrace", "mathring"),
    }
)
"""Commands that give their argument another meaning: they stay."""

FRACTIONS = frozenset({"frac", "dfrac", "tfrac", "cfrac", "nicefrac", "sfrac"})
BINOMIALS = frozenset({"binom", "dbinom", "tbinom"})

FUNCTIONS = frozenset(
    {
        *("sin", "cos", "tan", "cot", "sec", "csc", "arcsin", "arccos", "arctan", "sinh", "cosh"),
        *("tanh", "coth", "ln", "log", "lg", "exp", "det", "dim", "ker", "deg", "gcd", "lcm"),
        *("min", "max", "inf", "sup", "lim", "arg", "limsup", "liminf", "Pr", "hom", "bmod", "mod"),
    }
)
"""Functions with a name of letters."""

NUMBER_SETS = {"R": "ℝ", "N": "ℕ", "Z": "ℤ", "Q": "ℚ", "C": "ℂ", "P": "ℙ", "H": "ℍ", "E": "𝔼"}
"""Letters of `\\mathbb`, with the sign of the set."""

_GREEK = (
    "alpha α beta β gamma γ delta δ epsilon ε varepsilon ϵ zeta ζ eta η theta θ vartheta ϑ "
    "iota ι kappa κ lambda λ mu μ nu ν xi ξ pi π rho ρ varrho ϱ sigma σ varsigma ς tau τ "
    "upsilon υ phi φ varphi ϕ chi χ psi ψ omega ω Gamma Γ Delta Δ Theta Θ Lambda Λ Xi Ξ Pi Π "
    "Sigma Σ Upsilon Υ Phi Φ Psi Ψ Omega Ω"
)

_SIGNS = (
    "cdot · times × div ÷ pm ± mp ∓ ast * star ⋆ bullet • circ ∘ degree ° le ≤ leq ≤ leqslant ≤ "
    "ge ≥ geq ≥ geqslant ≥ lt < gt > ne ≠ neq ≠ ll ≪ gg ≫ approx ≈ thickapprox ≈ simeq ≃ "
    "cong ≅ equiv ≡ sim ∼ propto ∝ in ∈ notin ∉ ni ∋ subset ⊂ subseteq ⊆ supset ⊃ supseteq ⊇ "
    "subsetneq ⊊ cup ∪ bigcup ⋃ cap ∩ bigcap ⋂ setminus ∖ smallsetminus ∖ backslash ∖ "
    "emptyset ∅ varnothing ∅ forall ∀ exists ∃ nexists ∄ neg ¬ lnot ¬ land ∧ wedge ∧ lor ∨ vee ∨ "
    "oplus ⊕ otimes ⊗ to → rightarrow → longrightarrow → gets ← leftarrow ← implies ⇒ "
    "Rightarrow ⇒ Longrightarrow ⇒ impliedby ⇐ Leftarrow ⇐ iff ⇔ Leftrightarrow ⇔ "
    "Longleftrightarrow ⇔ leftrightarrow ↔ longleftrightarrow ↔ rightleftharpoons ⇌ mapsto ↦ "
    "uparrow ↑ downarrow ↓ perp ⊥ bot ⊥ top ⊤ parallel ∥ angle ∠ measuredangle ∡ triangle △ "
    "square □ Box □ ldots … cdots … dots … dotsc … dotsb … vdots ⋮ infty ∞ partial ∂ nabla ∇ int ∫ "
    "iint ∬ oint ∮ sum ∑ prod ∏ langle ⟨ rangle ⟩ lfloor ⌊ rfloor ⌋ lceil ⌈ rceil ⌉ lvert | "
    "rvert | vert | mid | lVert ‖ rVert ‖ Vert ‖ | ‖ prime ′ ell ℓ hbar ℏ Re ℜ Im ℑ aleph ℵ "
    "complement ∁ surd √ therefore ∴ because ∵ vdash ⊢ models ⊨ colon : lbrace { rbrace } "
    "lbrack [ rbrack ] { { } } % % $ $ # # & & _ _ - - euro € pounds £ checkmark ✓ dag † "
    "textdegree ° textcelsius °C textbackslash ∖ lparen ( rparen )"
)


def _table(text: str) -> dict[str, str]:
    words = text.split()
    return dict(zip(words[::2], words[1::2], strict=True))


SIGNS = _table(_GREEK) | _table(_SIGNS)
"""Commands without an argument, with their sign."""
