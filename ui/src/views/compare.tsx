export function ComparePage(_: { token: string; a: string; b: string }) {
  return <p class="message">Not here yet.</p>;
}
