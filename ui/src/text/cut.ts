/** The beginning of a text, with nothing cut in two that would be read wrongly. */
import { inlineFormula } from "./delimiters";

/** Return the text, or its first `most` characters without half a formula or half a sign, and "…". */
export function cut(text: string, most: number): string {
  if (text.length <= most) return text;
  let end = most;
  for (let at = 0; at < most; at++) {
    const formula = text[at] === "$" || text[at] === "\\" ? inlineFormula(text, at) : null;
    if (!formula) continue;
    if (formula.end > most) {
      end = at;
      break;
    }
    at = formula.end - 1;
  }
  if (/[\ud800-\udbff]/.test(text[end - 1] ?? "")) end -= 1;
  return `${text.slice(0, end).trimEnd()}…`;
}

/** Return a text that was cut elsewhere, and ends with "…", without the half formula before that. */
export function mended(text: string): string {
  if (!text.endsWith("…")) return text;
  for (let at = 0; at < text.length; at++) {
    const opens = text[at] === "$" || /^\\[([]/.test(text.slice(at, at + 2));
    if (!opens) continue;
    const formula = inlineFormula(text, at);
    if (formula) at = formula.end - 1;
    else if (!/^\$\d/.test(text.slice(at, at + 2))) return `${text.slice(0, at).trimEnd()}…`;
  }
  return text;
}
