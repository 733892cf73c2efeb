import type { Readable, Writable } from "node:stream";

/** What a client calls, in turn, with the span name that each call is to have. */
const CALLS = [
  ["tools/call", { name: "search", arguments: { query: "sharp" } }, "tools/call search"],
  ["tools/call", { name: "read", arguments: { path: "/notes/1" } }, "tools/call read"],
  ["prompts/get", { name: "summary" }, "prompts/get summary"],
  ["resources/read", { uri: "notes://1" }, "resources/read"],
  ["ping", {}, "ping"],
] as const;

/** A client that calls over a pair of streams and counts. */
export type TrafficClient = {
  /** Sends that many calls at once. */
  readonly send: (count: number) => void;
  /** Calls without an answer so far. */
  readonly waiting: () => number;
  /** Calls that were answered, by span name. */
  readonly answered: Readonly<Record<string, number>>;
  /** Answers to nothing that was asked. */
  readonly strays: () => number;
};

/** Starts a client on a server's (or a proxy's) standard streams. Answers are matched by id, so each counts once. */
export function trafficClient({
  stdin,
  stdout,
}: {
  readonly stdin: Writable;
  readonly stdout: Readable;
}): TrafficClient {
  const open = new Map<number, string>();
  const answered: Record<string, number> = {};
  let nextId = 0;
  let strays = 0;
  let rest = "";
  stdout.setEncoding("utf8").on("data", (chunk: string) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const { id } = JSON.parse(line) as { id: number };
      const name = open.get(id);
      open.delete(id);
      if (name === undefined) strays += 1;
      else answered[name] = (answered[name] ?? 0) + 1;
    }
  });
  const message = (): string => {
    const id = (nextId += 1);
    const [method, params, name] = CALLS[id % CALLS.length] ?? CALLS[0];
    open.set(id, name);
    return `${JSON.stringify({ jsonrpc: "2.0", id, method, params })}\n`;
  };
  return {
    send: (count) => void (count > 0 && stdin.write(Array.from({ length: count }, message).join(""))),
    waiting: () => open.size,
    answered,
    strays: () => strays,
  };
}
