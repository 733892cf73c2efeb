import { readFileSync } from "node:fs";
import * as nodeModule from "node:module";
import { fileURLToPath } from "node:url";

/** Where the appended line of a patched module finds what to call. */
const PATCH = Symbol.for("whetstone.instrument.patch");

/** Files of the MCP SDK: 1.x (`sdk`, ESM and CommonJS), 2.x (`server`, `client`, bundled). */
const SDK_FILE = /\/@modelcontextprotocol\/(?:sdk|server|client)\/dist\/.*\.(?:js|mjs|cjs)$/;

/** Where these files declare the classes whose instances connect. */
const PROTOCOL_CLASS = /^(?:export )?(?:class (Protocol|Client)\b|(?:var|let|const) (Protocol|Client) = class\b)/gm;

/**
 * Patches the MCP SDK's classes in every copy that is loaded from now on, imported or required: a line that hands them
 * over is appended to the modules that declare them. `onFault` is told of what goes wrong; the module then loads as it
 * is.
 * @returns false when this Node has no synchronous module hooks (before 22.15)
 */
export function installModuleHooks(
  patch: (protocolClass: unknown) => unknown,
  onFault: (error: unknown) => void,
): boolean {
  if (typeof nodeModule.registerHooks !== "function") return false;
  const guarded = (protocolClass: unknown): void => {
    try {
      patch(protocolClass);
    } catch (error) {
      // It is called from within the host's module, whose loading must not fail for it.
      onFault(error);
    }
  };
  Object.defineProperty(globalThis, PATCH, { value: guarded, configurable: true, writable: true });
  nodeModule.registerHooks({
    load: (url, context, nextLoad) => {
      const loaded = nextLoad(url, context);
      if (!SDK_FILE.test(url)) return loaded;
      try {
        const source = patchedSource(sourceText(loaded.source, url));
        return source === undefined ? loaded : { ...loaded, source };
      } catch (error) {
        onFault(error);
        return loaded;
      }
    },
  });
  return true;
}

/** The module's text with its protocol classes handed over; undefined when it declares none. */
export function patchedSource(text: string): string | undefined {
  const names = [...text.matchAll(PROTOCOL_CLASS)].map((match) => match[1] ?? match[2] ?? "");
  if (names.length === 0) return undefined;
  const calls = names.map((name) => `globalThis[Symbol.for("${PATCH.description}")]?.(${name});`);
  return `${text}\n;${calls.join("")}\n`;
}

/** CommonJS comes without its source from some versions of Node. */
function sourceText(source: string | ArrayBuffer | NodeJS.TypedArray | null | undefined, url: string): string {
  if (source === null || source === undefined) return readFileSync(fileURLToPath(url), "utf8");
  return typeof source === "string" ? source : new TextDecoder().decode(source);
}
