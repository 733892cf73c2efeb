import { readKayentaInput, type KayentaMetric } from "../../../src/canary/kayenta/input.ts";
import { createRandom, randomNormal } from "../../../src/stats/random.ts";

/** A metric with Kayenta's defaults. */
export function metric(change: object): KayentaMetric {
  const [found] = readKayentaInput({
    thresholds: { pass: 95, marginal: 75 },
    metrics: [{ name: "m", groups: ["g"], control: [], experiment: [], ...change }],
  }).metrics;
  if (found === undefined) throw new Error("unreachable");
  return found;
}

/** Lognormal values: median and standard deviation of the logarithm. */
export function lognormal(seed: string, n: number, { median, sd }: { median: number; sd: number }): number[] {
  const random = createRandom(seed);
  return Array.from({ length: n }, () => median * Math.exp(sd * randomNormal(random)));
}
