import type { Arm } from "../model/call.ts";
import { logBeta } from "../stats/gamma.ts";

/** E-value of 1,000 against "calls were routed at this weight", two-sided: a plan that was not followed. */
export function contradicts({ canary, baseline }: Readonly<Record<Arm, number>>, weight: number): boolean {
  if (weight <= 0 || weight >= 1) return false;
  const plan = canary * Math.log(weight) + baseline * Math.log1p(-weight);
  return logBeta(1 + canary, 1 + baseline) - plan >= Math.log(1000);
}
