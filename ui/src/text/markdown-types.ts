/** The types of markdown-it that are used here. */
import type Markdown from "markdown-it";

export type MarkdownIt = InstanceType<typeof Markdown>;
export type Token = ReturnType<MarkdownIt["parse"]>[number];
export type StateInline = Parameters<Parameters<MarkdownIt["inline"]["ruler"]["push"]>[1]>[0];
export type StateBlock = Parameters<Parameters<MarkdownIt["block"]["ruler"]["push"]>[1]>[0];
