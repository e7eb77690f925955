/**
 * Markdown of models, as HTML in slices.
 *
 * Nothing in it can act: no HTML, no link and no picture is made of what a model writes; such
 * Markdown stays the text that it is. Formulas stand as their source until `math.ts` draws them.
 */
import Markdown from "markdown-it";
import { highlighted } from "./code";
import { mathDelimiters } from "./delimiters";
import type { Token } from "./markdown-types";
import { visible } from "./visible";

const markdown = new Markdown({
  html: false,
  linkify: false,
  typographer: false,
  breaks: false,
  highlight: highlighted,
});
markdown.disable(["link", "image", "autolink", "reference", "html_inline", "html_block"]);
mathDelimiters(markdown);

const { escapeHtml } = markdown.utils;
const formula = (kind: string, element: string) => (tokens: Token[], index: number) =>
  `<${element} class="tex" data-display="${kind}">${escapeHtml(tokens[index]?.content ?? "")}</${element}>`;
markdown.renderer.rules.math_inline = formula("no", "span");
markdown.renderer.rules.math_display = formula("yes", "span");
markdown.renderer.rules.math_block = formula("yes", "div");

/** Longer texts are shown plain: to read their structure would stop the page. */
export const LONGEST_MARKDOWN = 200_000;

/** About as many characters of source make a slice. */
const SLICE = 1_200;

/** A part of a text: its HTML, and about how many lines it is high. */
export interface Slice {
  html: string;
  lines: number;
}

/** Return the parts of a text in order; together they are the text. */
export function slices(source: string): Slice[] {
  const env = {};
  const parts: Slice[] = [];
  let part: Token[] = [];
  let [size, lines, depth] = [0, 0, 0];
  const close = () => {
    if (part.length === 0) return;
    parts.push({ html: markdown.renderer.render(part, markdown.options, env), lines });
    part = [];
    size = 0;
    lines = 0;
  };
  for (const token of markdown.parse(visible(source), env)) {
    part.push(token);
    depth += token.nesting;
    size += token.content.length;
    lines += linesOf(token);
    if (depth === 0 && size >= SLICE) close();
  }
  close();
  return parts;
}

/** About how many characters a line has. */
const LINE = 85;

function linesOf({ type, content }: Token): number {
  if (type === "inline") return Math.ceil(content.length / LINE) + 0.4;
  if (type === "fence" || type === "code_block") return content.split("\n").length + 1;
  return type === "math_block" ? 3 : 0;
}

/** Return HTML of a text of one line, without paragraphs. */
export function inline(source: string): string {
  return markdown.renderInline(visible(source), {});
}
