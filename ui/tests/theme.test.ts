import { beforeEach, expect, test, vi } from "vitest";
import { currentTheme, setTheme, startTheme } from "../src/theme";

let system: { matches: boolean; changed: () => void };

beforeEach(() => {
  localStorage.clear();
  system = { matches: false, changed: () => {} };
  vi.stubGlobal("matchMedia", () => ({
    get matches() {
      return system.matches;
    },
    addEventListener: (_: string, listener: () => void) => {
      system.changed = listener;
    },
  }));
});

test("without a choice the theme is the system's, also when that changes", () => {
  system.matches = true;
  startTheme();
  expect(currentTheme()).toBe("dark");
  system.matches = false;
  system.changed();
  expect(currentTheme()).toBe("light");
});

test("a reader's choice is kept, against the system too", () => {
  startTheme();
  setTheme("dark", "reader");
  system.changed();
  expect(currentTheme()).toBe("dark");
  startTheme();
  expect(currentTheme()).toBe("dark");
});

test("a host's theme stands against the system's, and is not remembered", () => {
  startTheme();
  setTheme("dark", "host");
  system.changed();
  expect(currentTheme()).toBe("dark");
  expect(localStorage.length).toBe(0);
});
