import type { Span } from "../../src/model/span.ts";
import { randomInteger, randomNormal, type Random } from "../../src/stats/random.ts";
import { simulate, type Operation, type Site, type World } from "./simulate.ts";

/** A system without weak spots, into which faults are put. */
export type Host = { readonly style: "mcp" | "http"; readonly entries: readonly Operation[] };

const WORDS = ["search", "read", "list", "add", "sync", "report", "export", "tag"];

/**
 * A healthy host: three or four ways in of like weight, each with a look-up that is sometimes left out and reads that run
 * side by side, some of them in another service behind client spans. Nothing in it fails.
 */
export function makeHost(random: Random): Host {
  const style = random.uniform() < 0.5 ? "mcp" : "http";
  const pace = 0.5 + 3 * random.uniform();
  const count = 3 + randomInteger(random, 2);
  const entries = Array.from({ length: count }, (_, i) => makeEntry(`${WORDS[i] ?? "x"}`, { style, random, pace }));
  return { style, entries };
}

type Making = { readonly style: Host["style"]; readonly random: Random; readonly pace: number };

function makeEntry(word: string, { style, random, pace }: Making): Operation {
  const lookup: Operation = { service: "store", name: `${word}.lookup`, kind: "server", ownMs: 2 * pace, sigma: 0.2 };
  const query: Operation = { service: "store", name: `SELECT ${word}`, kind: "client", ownMs: 1.5 * pace, sigma: 0.2 };
  const read: Operation = {
    service: "store",
    name: `${word}.fetch`,
    kind: "server",
    ownMs: pace,
    sites: [{ target: query }],
  };
  const sites: Site[] = [
    { target: lookup, share: 0.5 + 0.3 * random.uniform(), client: style === "http" },
    { target: read, times: (r) => 1 + randomInteger(r, 3), together: true, client: style === "http" },
  ];
  const shared = { kind: "server" as const, ownMs: 3 * pace, sigma: 0.2, sites, parallel: true };
  if (style === "http") return { ...shared, service: "web", name: `GET /${word}` };
  const attributes = { "mcp.method.name": "tools/call", "gen_ai.tool.name": word };
  return { ...shared, service: "notes", name: `tools/call ${word}`, attributes };
}

/** How the traces of a host are made. */
export type Running = {
  readonly random: Random;
  readonly count: number;
  readonly alter?: World["alter"];
  /** Changes the spans of the n-th trace. */
  readonly touch?: (spans: Span[], n: number) => Span[];
};

/** Traces of a host in which all ways in take turns. */
export function runHost({ entries }: Host, { random, count, alter = same, touch = (spans) => spans }: Running): Span[] {
  return Array.from({ length: count }, (_, n) => {
    const entry = entries[n % entries.length] as Operation;
    const load = Math.exp(0.08 * randomNormal(random));
    return touch(simulate(entry, { random, alter, load }, n), n);
  }).flat();
}

const same = (operation: Operation): Operation => operation;
