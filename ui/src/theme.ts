/** The theme: the system's, a host's, or the reader's own choice, which is remembered where it can be. */

export type Theme = "light" | "dark";
const KEY = "atlas-theme";

const system = matchMedia("(prefers-color-scheme: dark)");
let chosen = false;

/** Take up the choice of last time, or else the system's, as it changes. */
export function startTheme(): void {
  const before = remembered();
  if (before) setTheme(before);
  else apply(ofSystem());
  system.addEventListener("change", () => {
    if (!chosen) apply(ofSystem());
  });
}

/** Return the theme in force. */
export function currentTheme(): Theme {
  return document.documentElement.dataset.theme === "dark" ? "dark" : "light";
}

/** Set a theme for as long as the page is there; the reader's own choice is remembered. */
export function setTheme(theme: Theme, by: "reader" | "host" = "host"): void {
  chosen = true;
  apply(theme);
  if (by === "host") return;
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // A file or a frame may have no store: the choice lasts as long as the page.
  }
}

function apply(theme: Theme): void {
  document.documentElement.dataset.theme = theme;
}

function ofSystem(): Theme {
  return system.matches ? "dark" : "light";
}

function remembered(): Theme | null {
  try {
    const value = localStorage.getItem(KEY);
    return value === "light" || value === "dark" ? value : null;
  } catch {
    return null;
  }
}
