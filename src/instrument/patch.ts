import type { Watcher } from "./watch.ts";

/** Puts the original functions back. */
export type Unpatch = () => void;

type Method = (this: unknown, ...args: unknown[]) => unknown;

/** On every replaced function, so that no prototype is patched twice, even by two copies of this module. */
const PATCHED = Symbol.for("whetstone.instrument.patched");

/**
 * Where the options of a request stand among the arguments. SDK 2.x sends every request through the second function,
 * those made inside a handler too; its public `request` only leads there.
 */
const REQUESTING = [
  { name: "_requestWithSchemaViaCodec", options: 3 },
  { name: "request", options: 2 },
] as const;

/**
 * Patches a protocol class of the MCP SDK (`Protocol`, or `Client` and `Server` above it): each transport that an
 * instance connects to is watched. Undefined when the value is no such class.
 */
export function patchProtocol(target: unknown, watcher: Watcher): Unpatch | undefined {
  const prototypes = typeof target === "function" ? chainOf(target.prototype) : [];
  const undo: Unpatch[] = [];
  for (const prototype of prototypes) {
    undo.push(
      ...replace(prototype, "connect", (connect) => {
        return function (this: unknown, ...args) {
          watcher.watch(args[0]);
          try {
            return connect.apply(this, args);
          } finally {
            // By now the callbacks are set; a transport that was started before does not start again.
            watcher.watch(args[0]);
          }
        };
      }),
    );
    const requesting = REQUESTING.find(({ name }) => typeof own(prototype, name) === "function");
    if (requesting === undefined) continue;
    undo.push(
      ...replace(prototype, requesting.name, (request) => {
        return function (this: unknown, ...args) {
          return watcher.requesting(signalOf(args[requesting.options]), () => request.apply(this, args));
        };
      }),
    );
  }
  return undo.length === 0 ? undefined : () => undo.forEach((step) => step());
}

function chainOf(start: unknown): object[] {
  const chain: object[] = [];
  let at: unknown = start;
  while (typeof at === "object" && at !== null && at !== Object.prototype) {
    chain.push(at);
    at = Object.getPrototypeOf(at);
  }
  return chain;
}

function own(prototype: object, name: string): unknown {
  return Object.getOwnPropertyDescriptor(prototype, name)?.value;
}

function replace(prototype: object, name: string, make: (original: Method) => Method): Unpatch[] {
  const original = own(prototype, name);
  if (typeof original !== "function" || PATCHED in original) return [];
  const patched = Object.assign(make(original as Method), { [PATCHED]: true });
  Object.defineProperty(patched, "name", { value: original.name, configurable: true });
  Object.defineProperty(prototype, name, { value: patched, writable: true, configurable: true, enumerable: false });
  return [() => Object.defineProperty(prototype, name, { value: original, writable: true, configurable: true })];
}

function signalOf(options: unknown): unknown {
  return typeof options === "object" && options !== null && "signal" in options ? options.signal : undefined;
}
