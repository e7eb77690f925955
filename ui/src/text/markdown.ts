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

/** Return HTML of a text's parts, in order; together they are the text. */
export function slices(source: string): string[] {
  const env = {};
  const tokens = markdown.parse(visible(source), env);
  const parts: string[] = [];
  let part: Token[] = [];
  let size = 0;
  let depth = 0;
  for (const token of tokens) {
    part.push(token);
    depth += token.nesting;
    size += token.content.length;
    if (depth === 0 && size >= SLICE) {
      parts.push(markdown.renderer.render(part, markdown.options, env));
      part = [];
      size = 0;
    }
  }
  if (part.length > 0) parts.push(markdown.renderer.render(part, markdown.options, env));
  return parts;
}

/** Return HTML of a text of one line, without paragraphs. */
export function inline(source: string): string {
  return markdown.renderInline(visible(source), {});
}
