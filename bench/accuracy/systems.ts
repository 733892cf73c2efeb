import { randomInteger, type Random } from "../../src/stats/random.ts";
import type { Operation, Site } from "./simulate.ts";

/** A made-up system: ways in with their share of the traffic, and every operation, callees before callers. */
export type System = {
  readonly style: "mcp" | "http" | "internal";
  readonly entries: readonly { readonly operation: Operation; readonly weight: number }[];
  readonly operations: readonly Operation[];
};

const NAMES = ["auth", "cart", "catalog", "orders", "payment", "search", "profile", "mail", "stock", "price", "rates"];
const VERBS = ["get", "list", "check", "load", "find", "save"];

/** A system of three layers with shared services, chosen by the generator. */
export function makeSystem(random: Random): System {
  const style = pick(random, ["mcp", "http", "internal"] as const);
  const leaves = Array.from({ length: 3 + randomInteger(random, 4) }, (_, i) => leaf(random, i));
  const middles = Array.from({ length: 2 + randomInteger(random, 4) }, (_, i) =>
    withSites(random, { style, operation: middle(random, { style, i }), targets: leaves }),
  );
  const entryCount = 2 + randomInteger(random, 3);
  const entries = Array.from({ length: entryCount }, (_, i) => {
    const operation = withSites(random, {
      style,
      operation: entry(style, random, i),
      targets: [...middles, ...leaves],
    });
    return { operation, weight: 0.2 + random.uniform() };
  });
  const used = new Set<Operation>();
  const visit = (operation: Operation): void => {
    for (const { target } of operation.sites ?? []) visit(target);
    used.add(operation);
  };
  for (const { operation } of entries) visit(operation);
  return { style, entries, operations: [...used] };
}

export function pick<T>(random: Random, items: readonly T[]): T {
  return items[randomInteger(random, items.length)] as T;
}

function leaf(random: Random, i: number): Operation {
  const database = random.uniform() < 0.6;
  return {
    service: database ? `db-${i % 3}` : `${NAMES[i] ?? "x"}-service`,
    name: database ? `SELECT table_${i}` : `${pick(random, VERBS)}_${NAMES[i] ?? "x"}`,
    kind: database ? "client" : "server",
    ownMs: 0.5 + 12 * random.uniform() ** 2,
    sigma: 0.15 + 0.35 * random.uniform(),
    errorRate: random.uniform() < 0.3 ? 0.03 * random.uniform() : 0,
  };
}

function middle(random: Random, { style, i }: { readonly style: System["style"]; readonly i: number }): Operation {
  const name = NAMES[(i + 5) % NAMES.length] ?? "y";
  return {
    service: style === "internal" ? "monolith" : `${name}-service`,
    name: `${pick(random, VERBS)}_${name}_${i}`,
    kind: style === "internal" ? "internal" : "server",
    ownMs: 1 + 6 * random.uniform(),
    sigma: 0.2 + 0.2 * random.uniform(),
    parallel: random.uniform() < 0.25,
  };
}

function entry(style: System["style"], random: Random, i: number): Operation {
  const shared = { kind: "server" as const, ownMs: 1 + 8 * random.uniform(), sigma: 0.25 };
  if (style !== "mcp") return { ...shared, service: "gateway", name: `POST /api/${VERBS[i] ?? "x"}/${i}` };
  const attributes = { "mcp.method.name": "tools/call", "gen_ai.tool.name": `tool_${i}` };
  return { ...shared, service: "tools-server", name: `tools/call tool_${i}`, attributes };
}

type Wanted = {
  readonly style: System["style"];
  readonly operation: Operation;
  readonly targets: readonly Operation[];
};

function withSites(random: Random, { style, operation, targets }: Wanted): Operation {
  const count = 1 + randomInteger(random, Math.min(3, targets.length));
  const chosen = new Set<Operation>();
  while (chosen.size < count) chosen.add(pick(random, targets));
  const sites = [...chosen].map((target): Site => {
    const remote = target.service !== operation.service && target.kind === "server";
    return {
      target,
      share: random.uniform() < 0.25 ? 0.4 + 0.5 * random.uniform() : 1,
      ...(remote && style !== "internal" && random.uniform() < 0.8 && { client: true }),
      ...(random.uniform() < 0.2 && { times: 1 + randomInteger(random, 3) }),
      ...(random.uniform() < 0.1 && { tolerated: true }),
    };
  });
  return { ...operation, sites };
}
