/** Where mathematics begins and ends in Markdown: rules for markdown-it. What it means is KaTeX's. */
import type { MarkdownIt, StateBlock, StateInline } from "./markdown-types";

/** The longest formula that is looked for; an opening sign without an end costs no more than this. */
const LONGEST = 4_000;
const LONGEST_LINES = 200;

const ENVIRONMENT =
  /^\\begin\{((?:equation|align|alignat|gather|multline|cases|[pbvBV]?matrix|array|split)\*?)\}/;

/** Teach `md` the delimiters `$…$`, `$$…$$`, `\(…\)`, `\[…\]` and environments of mathematics. */
export function mathDelimiters(md: MarkdownIt): void {
  md.inline.ruler.before("escape", "math_inline", inlineRule);
  md.block.ruler.after("blockquote", "math_block", blockRule, {
    alt: ["paragraph", "blockquote", "list"],
  });
}

function inlineRule(state: StateInline, silent: boolean): boolean {
  const found = inlineFormula(state.src, state.pos);
  if (!found) return false;
  if (!silent) {
    const token = state.push(found.display ? "math_display" : "math_inline", "", 0);
    token.content = found.formula;
  }
  state.pos = found.end;
  return true;
}

interface Formula {
  formula: string;
  display: boolean;
  end: number;
}

/** Return the formula that begins at `start`, if one does. */
export function inlineFormula(text: string, start: number): Formula | null {
  const two = text.slice(start, start + 2);
  if (two === "\\(") return closed(text, start, "\\)", false);
  if (two === "\\[") return closed(text, start, "\\]", true);
  if (two === "$$") return closed(text, start, "$$", true);
  if (two[0] === "$") return dollars(text, start);
  return null;
}

function closed(text: string, start: number, close: string, display: boolean): Formula | null {
  const part = text.slice(start + 2, start + 2 + LONGEST);
  const length = part.indexOf(close);
  if (length < 0 || part.slice(0, length).trim() === "") return null;
  return { formula: part.slice(0, length), display, end: start + 2 + length + 2 };
}

/** As in pandoc: no space inside the signs, and no digit behind the second; and no money. */
function dollars(text: string, start: number): Formula | null {
  const part = text.slice(start + 1, start + 1 + LONGEST);
  if (part === "" || /^\s/.test(part)) return null;
  let at = part.indexOf("$");
  while (at > 0 && part[at - 1] === "\\") at = part.indexOf("$", at + 1);
  if (at <= 0) return null;
  const formula = part.slice(0, at);
  if (/\s$/.test(formula) || /^\d/.test(part.slice(at + 1)) || isMoney(formula)) return null;
  return { formula, display: false, end: start + 1 + at + 1 };
}

/** Whether the text between two dollar signs is an amount and prose: `5 and then US`. */
function isMoney(between: string): boolean {
  return (
    /^\d/.test(between) && /[\s,;](?!\\)[A-Za-z]{2,}/.test(between) && !/[\\^_=]/.test(between)
  );
}

function blockRule(state: StateBlock, first: number, end: number, silent: boolean): boolean {
  const opening = lineOf(state, first);
  const close = closeOf(opening);
  if (!close) return false;
  const inside = close.startsWith("\\end") ? 0 : 2;
  const lines: string[] = [];
  for (let line = first; line < Math.min(end, first + LONGEST_LINES); line++) {
    const text = line === first ? opening.slice(inside) : lineOf(state, line);
    const at = text.indexOf(close);
    if (at < 0) {
      lines.push(text);
      continue;
    }
    const tail = text.slice(at + close.length).trim();
    if (!/^[.,;:]?$/.test(tail)) return false;
    lines.push(text.slice(0, inside === 0 ? at + close.length : at));
    if (silent) return true;
    push(state, lines.join("\n") + (inside === 0 ? "" : tail), first, line);
    return true;
  }
  return false;
}

function closeOf(opening: string): string | null {
  if (opening.startsWith("$$")) return "$$";
  if (opening.startsWith("\\[")) return "\\]";
  const environment = ENVIRONMENT.exec(opening);
  return environment ? `\\end{${environment[1]}}` : null;
}

function push(state: StateBlock, formula: string, first: number, last: number): void {
  state.line = last + 1;
  const token = state.push("math_block", "", 0);
  token.block = true;
  token.content = formula;
  token.map = [first, state.line];
}

function lineOf(state: StateBlock, line: number): string {
  const start = (state.bMarks[line] ?? 0) + (state.tShift[line] ?? 0);
  return state.src.slice(start, state.eMarks[line]);
}
