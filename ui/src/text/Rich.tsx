/** Texts of models: Markdown with formulas and code, drawn when it comes into view. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { count } from "../format";
import { inline, LONGEST_MARKDOWN, type Slice, slices } from "./markdown";
import { drawAll, drawFormulas, isFormula } from "./math";
import { visible } from "./visible";

/** Draw a text of several paragraphs. */
export function Rich({ text }: { text: string }) {
  if (text.length > LONGEST_MARKDOWN || longestLine(text) > LONGEST_LINE)
    return <Plain text={text} />;
  return <Slices text={text} />;
}

/** A longer line is data, not prose. */
const LONGEST_LINE = 20_000;

function Slices({ text }: { text: string }) {
  const parts = useMemo(() => slices(text), [text]);
  return (
    <div class="rich" dir="auto">
      {parts.map((part, index) => (
        <Part key={index} {...part} />
      ))}
    </div>
  );
}

/** A part keeps the room that it will need, so that the page does not move when it is drawn. */
function Part({ html, lines }: Slice) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = place.current;
    return element ? whenNear(element, () => drawFormulas(element)) : undefined;
  }, [html]);
  return (
    <div
      ref={place}
      class="slice"
      style={{ containIntrinsicBlockSize: `auto ${(lines * 1.55).toFixed(1)}rem` }}
      dangerouslySetInnerHTML={{ __html: html }}
    />
  );
}

/** Draw a text of one line, a formula where the whole of it is one. */
export function RichLine({ text }: { text: string }) {
  const place = useRef<HTMLSpanElement>(null);
  const html = useMemo(
    () =>
      text.length > LONGEST_INLINE ? null : inline(isBareFormula(text) ? `\\(${text}\\)` : text),
    [text],
  );
  useEffect(() => {
    const element = place.current;
    return element ? whenNear(element, () => drawFormulas(element)) : undefined;
  }, [html]);
  if (html === null) return <Plain text={text} />;
  return (
    <span ref={place} class="rich-line" dir="auto" dangerouslySetInnerHTML={{ __html: html }} />
  );
}

const LONGEST_INLINE = 2_000;

/** Whether a text without delimiters is LaTeX all the same: `\frac{3}{4}`, `x^2 + 1`. */
export function isBareFormula(text: string): boolean {
  const bare = text.trim();
  if (bare.includes("$") || bare.includes("\n") || /\\[([]/.test(bare) || bare.includes("`"))
    return false;
  const marked =
    /\\[A-Za-z]{2,}/.test(bare) ||
    /^[\w\s+\-*/=().,{}^<>|]*\w\^[\w{(][\w\s+\-*/=().,{}^<>|]*$/.test(bare);
  if (!marked) return false;
  const prose = bare
    .replace(/\\(?:text|mathrm|operatorname)\{[^}]*\}/g, "")
    .replace(/\\[A-Za-z]+/g, "");
  return !/[A-Za-z]{4,}/.test(prose) && isFormula(bare);
}

/** As many characters are shown at once; a button has the rest, as many again. */
const SHOWN = 20_000;
const MORE = 100_000;

/** Draw a text as it is, its beginning first. */
export function Plain({ text }: { text: string }) {
  const [shown, setShown] = useState(SHOWN);
  const clean = useMemo(() => visible(text.slice(0, shown)), [text, shown]);
  const left = text.length - shown;
  return (
    <div class="plain" dir="auto">
      {chunks(clean).map((chunk, index) => (
        <span key={index} class="chunk">
          {chunk}
        </span>
      ))}
      {left > 0 && (
        <p class="rest">
          <button type="button" onClick={() => setShown(shown + MORE)}>
            Show {count(Math.min(MORE, left))} more of {count(left)} characters
          </button>
        </p>
      )}
    </div>
  );
}

function chunks(text: string): string[] {
  const parts: string[] = [];
  for (let at = 0; at < text.length; at += 5_000) parts.push(text.slice(at, at + 5_000));
  return parts;
}

function longestLine(text: string): number {
  let longest = 0;
  let start = 0;
  for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", start)) {
    longest = Math.max(longest, end - start);
    start = end + 1;
  }
  return Math.max(longest, text.length - start);
}

const NEAR = "800px 0px";
const near = new Map<Element, () => void>();
let observer: IntersectionObserver | null = null;

/** Call once when the element comes near the part of the page that is seen. */
function whenNear(element: Element, act: () => void): () => void {
  observer ??= new IntersectionObserver(arrived, { rootMargin: NEAR });
  near.set(element, act);
  observer.observe(element);
  return () => forget(element);
}

function arrived(entries: IntersectionObserverEntry[]): void {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    near.get(entry.target)?.();
    forget(entry.target);
  }
}

function forget(element: Element): void {
  near.delete(element);
  observer?.unobserve(element);
}

/** Before printing, all that is open is drawn, seen or not. */
window.addEventListener("beforeprint", () => {
  for (const act of [...near.values()]) act();
  drawAll();
});
