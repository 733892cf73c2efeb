import { mcp } from "./commands/mcp.ts";
import { proxy } from "./commands/proxy.ts";
import { processIo } from "./io.ts";
import { runProgram } from "./program.ts";

// What a session on Claude Code mounts, as a program of its own: where an action runs nothing else of this package is installed.
process.exitCode = await runProgram([mcp, proxy], process.argv.slice(2), processIo());
