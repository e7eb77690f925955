/** A table that may be wider than its place: it scrolls by itself, with the keyboard too. */
import type { ComponentChildren } from "preact";

export function Wide({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: without it, only a mouse could scroll
    <section class="wide-table" aria-label={label} tabIndex={0}>
      {children}
    </section>
  );
}
