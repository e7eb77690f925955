/** Characters that would steer a reader, written so that they are seen. */

/** Controls but tab and line break, marks of direction, and what has no width. */
const STEERING = /(?![\t\n])[\p{Cc}\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu;

/** Return the text with every steering character as its code. */
export function visible(text: string): string {
  return text.replace(/\r\n?/g, "\n").replace(STEERING, code);
}

function code(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
