/**
 * Formulas, drawn by KaTeX a few at a time so that the page never stops for them.
 *
 * KaTeX builds elements and sets their styles itself, which a policy without inline styles allows.
 */
import katex from "katex";

/** Longer formulas stay text. */
const LONGEST = 4_000;

/**
 * What could show less, or something else, than the source says: text without a colour or a place
 * of its own, and commands that get a new sense. Such a formula stays its source.
 */
const HIDES = new RegExp(
  [
    String.raw`\\(?:[hv]?phantom|color|textcolor|colorbox|fcolorbox|smash|raisebox|kern|mkern)(?![a-zA-Z])`,
    String.raw`\\(?:math)?[lrc]lap(?![a-zA-Z])`,
    String.raw`\\(?:[gex]?def|let|futurelet|global|(?:new|renew|provide)command)(?![a-zA-Z])`,
    String.raw`\\(?:hspace\*?|hskip|mskip)\s*\{?\s*-`,
    String.raw`\\\\\s*\[\s*-`,
    String.raw`(?:\\(?:!|neg(?:thin|med|thick)space)\s*){6}`,
  ].join("|"),
);

/** A formula that asks for more than drawing, such as a link, stays its source too. */
function refuse(): never {
  throw new Error("a formula is drawn and no more");
}

/** How long formulas may be drawn before the browser has a turn, in milliseconds. */
const TURN_MS = 8;

const waiting: HTMLElement[] = [];
let asked = false;

/** Draw the formulas inside an element, those first that come first. */
export function drawFormulas(within: Element): void {
  for (const one of within.querySelectorAll<HTMLElement>(".tex:not([data-drawn])")) {
    one.dataset.drawn = "asked";
    waiting.push(one);
  }
  lookLater(within);
  ask();
}

/** Draw all that wait at once: before the page is printed. */
export function drawAll(): void {
  for (const one of waiting.splice(0)) draw(one);
}

/** Let the keyboard reach what is wider than its place, and so scrolls. */
export function reachable(within: Element): void {
  for (const one of within.querySelectorAll<HTMLElement>("pre, .tex[data-display=yes]")) {
    if (one.scrollWidth <= one.clientWidth && one.scrollHeight <= one.clientHeight) continue;
    one.tabIndex = 0;
    one.setAttribute("role", "group");
    one.setAttribute("aria-label", one.tagName === "PRE" ? "Code" : "Formula");
  }
}

const drawn = new Set<Element>();

/** Look at the places of formulas when the browser has time: asking for a width lays out the page. */
function lookLater(place: Element): void {
  if (drawn.size === 0) (window.requestIdleCallback ?? setTimeout)(lookNow);
  drawn.add(place);
}

function lookNow(): void {
  for (const place of drawn) reachable(place);
  drawn.clear();
}

function ask(): void {
  if (asked || waiting.length === 0) return;
  asked = true;
  requestAnimationFrame(() => {
    asked = false;
    const end = performance.now() + TURN_MS;
    do {
      const one = waiting.shift();
      if (one) draw(one);
    } while (waiting.length > 0 && performance.now() < end);
    ask();
  });
}

function draw(place: HTMLElement): void {
  const formula = place.textContent ?? "";
  if (place.dataset.display === "yes") lookLater(place.parentElement ?? place);
  place.dataset.drawn = drawFormula(place, formula, place.dataset.display === "yes") ? "yes" : "no";
}

/** Draw a formula into an element; where it cannot be, its source stays, as code. */
export function drawFormula(place: HTMLElement, formula: string, display: boolean): boolean {
  if (formula.length > LONGEST || HIDES.test(formula)) return false;
  try {
    katex.render(formula, place, {
      displayMode: display,
      output: output(),
      throwOnError: true,
      trust: refuse,
      strict: "ignore",
      maxExpand: 300,
      maxSize: 20,
    });
    return true;
  } catch {
    place.textContent = formula;
    return false;
  }
}

/** Whether KaTeX can read the formula. */
export function isFormula(formula: string): boolean {
  if (formula.length > LONGEST || HIDES.test(formula)) return false;
  try {
    katex.renderToString(formula, {
      output: "mathml",
      trust: refuse,
      maxExpand: 300,
      maxSize: 20,
      strict: "ignore",
    });
    return true;
  } catch {
    return false;
  }
}

let fonts: "unknown" | "there" | "refused" = "unknown";

/** Where a host lets no fonts in, the browser's own mathematics is the better drawing. */
function output(): "mathml" | "htmlAndMathml" {
  return fonts === "refused" ? "mathml" : "htmlAndMathml";
}

/** Find out whether the fonts may be used. */
export async function tryFonts(): Promise<void> {
  try {
    const loaded = await document.fonts.load("16px KaTeX_Main", "x");
    fonts = loaded.length > 0 ? "there" : "refused";
  } catch {
    fonts = "refused";
  }
}
