import { buildTree, type TraceTree } from "../../src/analyze/tree.ts";
import type { Span } from "../../src/model/span.ts";
import { checkPopulation, checkTrace, type CheckOptions } from "../../src/specs/check.ts";
import { ISSUE_LISTS } from "../../src/specs/issue.ts";
import { parseSpec, requireSpec } from "../../src/specs/parse.ts";
import type { CheckResult, Issue } from "../../src/specs/result.ts";
import { trace, type Plan } from "../analyze/population.ts";

/** The first specification that was ever promised, word for word. */
export const SEED = `name: "checkout_flow"
description: "Complete e-commerce checkout process"
expected_spans:
  - operation_name: "checkout.validate_cart"
    service_name: "cart-service"
    expected_duration_ms: { max: 100 }
  - operation_name: "payment.process"
    service_name: "payment-service"
    expected_duration_ms: { max: 2000 }
  - operation_name: "inventory.reserve"
    service_name: "inventory-service"
  - operation_name: "order.create"
    service_name: "order-service"
`;

/** The checkout of the seed document as a trace that keeps its specification. */
export const CHECKOUT: Plan = {
  name: "POST /checkout",
  service: "web",
  kind: "server",
  at: 0,
  ms: 500,
  attributes: { "http.request.method": "POST" },
  children: [
    { name: "checkout.validate_cart", service: "cart-service", at: 1, ms: 50, attributes: { "cart.items": 3 } },
    {
      name: "payment.process",
      service: "payment-service",
      at: 60,
      ms: 200,
      attributes: { "payment.id": "p-1", currency: "EUR" },
      children: [{ name: "card.charge", service: "bank", kind: "client", at: 70, ms: 150 }],
    },
    { name: "inventory.reserve", service: "inventory-service", at: 270, ms: 20 },
    { name: "order.create", service: "order-service", at: 300, ms: 30, attributes: { "order.payment": "p-1" } },
  ],
};

/** A plan with the parts of some operations changed; null removes the part with all under it. */
export function changed(plan: Plan, changes: Readonly<Record<string, Partial<Plan> | null>>): Plan {
  const change = changes[plan.name];
  const children = (plan.children ?? []).flatMap((child) =>
    changes[child.name] === null ? [] : [changed(child, changes)],
  );
  return { ...plan, children, ...change };
}

/** One trace of a plan. */
export const treeOf = (plan: Plan, n = 0): TraceTree => buildTree(trace(n, plan));

/** The answer of a specification, given as YAML, on one trace. */
export function checkPlan(yaml: string, plan: Plan, options: CheckOptions = {}): CheckResult {
  return checkTrace(requireSpec(yaml, "spec.yaml").spec, trace(0, plan), options);
}

/** The answer on spans as they are. */
export function checkSpans(yaml: string, spans: readonly Span[], options: CheckOptions = {}): CheckResult {
  return checkTrace(requireSpec(yaml, "spec.yaml").spec, spans, options);
}

/** The answer on several traces. */
export function checkPlans(yaml: string, plans: readonly Plan[]): CheckResult {
  return checkPopulation(
    requireSpec(yaml, "spec.yaml").spec,
    plans.map((plan, n) => treeOf(plan, n)),
  );
}

/** All violations of an answer. */
export function violations(result: CheckResult): Issue[] {
  return ISSUE_LISTS.flatMap((list) => result[list].filter(({ violation }) => violation));
}

/** Codes and clauses of all violations. */
export function told(result: CheckResult): string[] {
  return violations(result).map(({ code, clause }) => `${code} ${clause}`);
}

/** What is wrong with a text, `LINE:COLUMN message` each. */
export function faultsOf(yaml: string): string[] {
  const parsed = parseSpec(yaml);
  return parsed.ok ? [] : parsed.faults.map(({ line, column, message }) => `${line}:${column} ${message}`);
}
