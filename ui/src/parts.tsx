/** Small parts that all views use. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { currentTheme, setTheme } from "./theme";

/** A part of the page under a heading; the heading names it for those who jump between parts. */
export function Section(props: {
  id: string;
  title: string;
  note?: ComponentChildren;
  children: ComponentChildren;
}) {
  return (
    <section id={props.id} aria-labelledby={`${props.id}-title`}>
      <h2 id={`${props.id}-title`} tabIndex={-1}>
        {props.title}
      </h2>
      {props.note && <p class="note">{props.note}</p>}
      {props.children}
    </section>
  );
}

/**
 * Return what the button does that sends a form, which Enter in a field presses too.
 *
 * A host's frame may let no form send itself, and then a form hears of nothing.
 */
export function sending(send: (form: HTMLFormElement) => void) {
  return (event: Event & { currentTarget: HTMLButtonElement }) => {
    const { form } = event.currentTarget;
    event.preventDefault();
    if (form?.reportValidity()) send(form);
  };
}

/** A button that copies, and says for a moment that it has. */
export function CopyButton({ text, children }: { text: () => string; children: string }) {
  const [outcome, setOutcome] = useState<string | null>(null);
  useEffect(() => {
    if (!outcome) return;
    const timer = setTimeout(() => setOutcome(null), 2_500);
    return () => clearTimeout(timer);
  }, [outcome]);
  const copy = async () =>
    setOutcome((await copied(text())) ? "Copied" : "Copying is not allowed here");
  return (
    <span class="copy">
      <button type="button" onClick={copy}>
        {children}
      </button>
      <span role="status" class="copied">
        {outcome}
      </span>
    </span>
  );
}

/** A line for a command line, with a button that copies it. */
export function Command({ line }: { line: string }) {
  return (
    <>
      <code>{line}</code>
      <CopyButton text={() => line}>Copy</CopyButton>
    </>
  );
}

async function copied(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copiedByHand(text);
  }
}

/** A frame may be kept from the clipboard's interface, and still copy a selection. */
function copiedByHand(text: string): boolean {
  const area = document.createElement("textarea");
  const before = document.activeElement;
  area.value = text;
  area.className = "unseen";
  document.body.append(area);
  area.select();
  try {
    return document.execCommand("copy");
  } catch {
    return false;
  } finally {
    area.remove();
    if (before instanceof HTMLElement) before.focus();
  }
}

/** The switch between light and dark. */
export function ThemeSwitch() {
  const [theme, set] = useState(currentTheme());
  useEffect(() => {
    const system = matchMedia("(prefers-color-scheme: dark)");
    const follow = () => set(currentTheme());
    system.addEventListener("change", follow);
    return () => system.removeEventListener("change", follow);
  }, []);
  const other = theme === "dark" ? "light" : "dark";
  const change = () => {
    setTheme(other, "reader");
    set(other);
  };
  return (
    <button type="button" class="plain-button" onClick={change}>
      {other === "dark" ? "Dark" : "Light"} theme
    </button>
  );
}

/** Has screen readers say the text when it changes; it is not seen. */
export function Announcer({ text }: { text: string }) {
  return (
    <p class="unseen" role="status" aria-live="polite">
      {text}
    </p>
  );
}

/** A line that came of an act, which takes the focus where its button is gone. */
export function Outcome({ text, bad }: { text: string; bad: boolean }) {
  const place = useRef<HTMLParagraphElement>(null);
  useEffect(() => place.current?.focus(), [text]);
  return (
    <p
      ref={place}
      tabIndex={-1}
      class={bad ? "outcome bad" : "outcome"}
      role={bad ? "alert" : "status"}
    >
      {text}
    </p>
  );
}

/** What may be wider than the page: it scrolls by itself, by keyboard too. */
export function Wide({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
    <div class="wide" role="group" aria-label={label} tabIndex={0}>
      {children}
    </div>
  );
}
