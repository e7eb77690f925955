/** The theme: the system's, a host's, or the reader's own choice, which is remembered where it can be. */

export type Theme = "light" | "dark";
const KEY = "atlas-theme";

/** Take up the choice of last time. */
export function startTheme(): void {
  const chosen = remembered();
  if (chosen) setTheme(chosen);
}

/** Return the theme in force. */
export function currentTheme(): Theme {
  const chosen = document.documentElement.dataset.theme;
  if (chosen === "light" || chosen === "dark") return chosen;
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

/** Set a theme; `host` sets what a host says, which is not the reader's choice. */
export function setTheme(theme: Theme, by: "reader" | "host" = "host"): void {
  document.documentElement.dataset.theme = theme;
  if (by === "host") return;
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // A file or a frame may have no store: the choice lasts as long as the page.
  }
}

function remembered(): Theme | null {
  try {
    const value = localStorage.getItem(KEY);
    return value === "light" || value === "dark" ? value : null;
  } catch {
    return null;
  }
}
