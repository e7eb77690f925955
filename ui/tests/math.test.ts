import { describe, expect, it } from "vitest";
import { drawFormula, isFormula } from "../src/text/math";

function drawn(formula: string): { kept: boolean; text: string } {
  const place = document.createElement("span");
  place.textContent = formula;
  const done = drawFormula(place, formula, false);
  return { kept: !done, text: place.textContent ?? "" };
}

describe("a formula that would not show what it says stays its source", () => {
  for (const formula of [
    String.raw`\href{https://a.b}{x=5}`,
    String.raw`\url{https://a.b}`,
    String.raw`\htmlData{a=b}{x}`,
    String.raw`\includegraphics{x.png}`,
    String.raw`\phantom{x=5}`,
    String.raw`a\vphantom b`,
    String.raw`\color{transparent}x=5`,
    String.raw`\textcolor{white}{x}`,
    String.raw`\colorbox{black}{x}`,
    String.raw`x\kern-1em y`,
    String.raw`x\hspace{-2em}y`,
    String.raw`x\hskip -2em y`,
    String.raw`\mathrlap{x}y`,
    String.raw`x\!\!\!\!\!\!\!\!y`,
    String.raw`\begin{matrix}a\\[-2em]b\end{matrix}`,
    String.raw`\def\a{x}\a`,
    String.raw`\gdef\a{x}\a`,
    String.raw`\renewcommand{\alpha}{\beta}\alpha`,
    String.raw`\let\alpha\beta\alpha`,
    String.raw`\unknown{x}`,
  ]) {
    it(formula, () => {
      expect(drawn(formula)).toEqual({ kept: true, text: formula });
      expect(isFormula(formula)).toBe(false);
    });
  }
});

// KaTeX draws into no document of these tests, but reads there.
describe("an ordinary formula is drawn", () => {
  for (const formula of [
    String.raw`\boxed{42}`,
    String.raw`\frac{1}{2}\,dx\!`,
    String.raw`\left(\begin{matrix}1&2\\3&4\end{matrix}\right)`,
    String.raw`a\hspace{1em}b \quad f\colon A`,
    String.raw`\overset{!}{=}\operatorname{lcm}(4,6)`,
  ]) {
    it(formula, () => expect(isFormula(formula)).toBe(true));
  }
});
