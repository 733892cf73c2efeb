import { createRequire } from "node:module";
import { extname } from "node:path";
import type * as Library from "./index.ts";
import { installModuleHooks } from "./module-hooks.ts";

/**
 * `node --import whetstone/register server.js`: instruments the MCP SDK that the program loads, with OpenTelemetry set
 * up from the standard `OTEL_*` variables. Nothing is written to stdout.
 */

const require = createRequire(import.meta.url);

/** The rest is loaded with the first class of the SDK, at once; a program without MCP does not pay for it. */
const library = (): typeof Library => require(`./index${extname(import.meta.filename)}`) as typeof Library;

let patch: ((protocolClass: unknown) => unknown) | undefined;

const installed = installModuleHooks(
  (protocolClass) => {
    patch ??= library().instrument({ hooks: false }).patch;
    return patch(protocolClass);
  },
  (error) => {
    const reason = error instanceof Error ? error.message : String(error);
    process.stderr.write(`whetstone: the instrumentation failed, the program goes on without it: ${reason}\n`);
  },
);
if (!installed) process.stderr.write("whetstone: this Node cannot patch modules; Node 22.20 or newer is needed.\n");
