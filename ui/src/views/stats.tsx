export function StatsPage(_: { token: string }) {
  return <p class="message">Not here yet.</p>;
}
