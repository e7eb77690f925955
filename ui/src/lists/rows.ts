/** Moving along rows with the keyboard. */

/** The row to go to from row `at` of `count` for a key; `null` where the key means nothing here, -1 for the search field. */
export function nextRow(key: string, at: number, count: number): number | null {
  switch (key) {
    case "ArrowDown":
      return count === 0 ? null : Math.min(at + 1, count - 1);
    case "ArrowUp":
      return at <= 0 ? -1 : at - 1;
    case "Home":
      return count === 0 || at < 0 ? null : 0;
    case "End":
      return count === 0 || at < 0 ? null : count - 1;
    default:
      return null;
  }
}
