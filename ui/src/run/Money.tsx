/** What was spent, what is held for calls in flight, and how far the cap is. */

import { count, dollars } from "../format";
import type { PageDocument } from "../generated/run";
import { Section, Wide } from "../parts";

export function Money({ run }: { run: PageDocument }) {
  const { money } = run;
  return (
    <Section id="money" title="Money">
      <dl class="sums">
        <Sum name="Spent" amount={money.spent_usd} />
        {money.held_usd > 0 && <Sum name="Held for calls in flight" amount={money.held_usd} />}
        {money.uncertain_usd > 0 && (
          <Sum name="Perhaps billed beyond, at most" amount={money.uncertain_usd} />
        )}
        <div>
          <dt>Cap</dt>
          <dd>{money.cap_usd === null ? "none" : dollars(money.cap_usd)}</dd>
        </div>
      </dl>
      {money.cap_usd !== null && money.spent_usd !== null && money.cap_usd > 0 && (
        <CapBar
          spent={money.spent_usd}
          held={money.held_usd + money.uncertain_usd}
          cap={money.cap_usd}
        />
      )}
      {money.unknown && <p class="note">The price of a model is unknown, so the sum is too.</p>}
      {money.by_model.length > 0 && <ByModel run={run} />}
    </Section>
  );
}

function Sum({ name, amount }: { name: string; amount: number | null }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{dollars(amount)}</dd>
    </div>
  );
}

function CapBar({ spent, held, cap }: { spent: number; held: number; cap: number }) {
  const part = (amount: number) => `${Math.min(100, (amount / cap) * 100)}%`;
  return (
    <div class="cap-bar" aria-hidden="true">
      {spent > 0 && <span class="spent" style={{ width: part(spent) }} />}
      <span class="held" style={{ width: part(Math.min(held, Math.max(0, cap - spent))) }} />
    </div>
  );
}

function ByModel({ run }: { run: PageDocument }) {
  return (
    <Wide label="Money by model">
      <table class="numbers">
        <thead>
          <tr>
            <th scope="col">Model</th>
            <th scope="col">Part</th>
            <th scope="col">Calls</th>
            <th scope="col">Tokens in</th>
            <th scope="col">of them cached</th>
            <th scope="col">Tokens out</th>
            <th scope="col">Cost</th>
          </tr>
        </thead>
        <tbody>
          {run.money.by_model.map((one) => (
            <tr key={`${one.model} ${one.role}`}>
              <th scope="row">{one.model}</th>
              <td>{one.role}</td>
              <td>{count(one.requests)}</td>
              <td>{count(one.input_tokens)}</td>
              <td>{count(one.cache_read_tokens)}</td>
              <td>{count(one.output_tokens)}</td>
              <td>{dollars(one.cost_usd)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Wide>
  );
}
