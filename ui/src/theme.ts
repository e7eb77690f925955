/** The theme: the system's, a host's, or the reader's own choice, which is remembered where it can be. */

export type Theme = "light" | "dark";
const KEY = "atlas-theme";

let hosts: Theme | null = null;

/** Take up the choice of last time; without one, follow the host, or else the system. */
export function startTheme(): void {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const follow = () => put(remembered() ?? hosts ?? (dark.matches ? "dark" : "light"));
  dark.addEventListener("change", follow);
  follow();
}

/** Return the theme in force. */
export function currentTheme(): Theme {
  return document.documentElement.dataset.theme === "dark" ? "dark" : "light";
}

/** Set a theme; `host` sets what a host says, which is not the reader's choice. */
export function setTheme(theme: Theme, by: "reader" | "host" = "host"): void {
  put(theme);
  if (by === "host") {
    hosts = theme;
    return;
  }
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // A file or a frame may have no store: the choice lasts as long as the page.
  }
}

function put(theme: Theme): void {
  document.documentElement.dataset.theme = theme;
}

function remembered(): Theme | null {
  try {
    const value = localStorage.getItem(KEY);
    return value === "light" || value === "dark" ? value : null;
  } catch {
    return null;
  }
}
