import { writeSync } from "node:fs";
import { EXIT } from "../model/codes.ts";
import { codeOf, messageOf, WhetstoneError } from "../model/error.ts";
import type { Io } from "./io.ts";

/**
 * The process's standard output and error. A reader that has gone, as behind `| head`, is no fault: what it does not
 * take is dropped, and the command goes on to its own end. Any other failure, such as a full disk, is said at the end
 * and makes the exit code 1.
 */
export function processStreams(): Pick<Io, "out" | "err" | "stream"> {
  const lost = new Map<string, string>();
  // Who writes a long stream waits for it, learns of its failure and says so itself.
  let told = false;
  const keep = (name: string) => (error: Error) => {
    if (codeOf(error) !== "EPIPE") lost.set(name, messageOf(error));
  };
  process.stdout.on("error", keep("Standard output"));
  process.stderr.on("error", keep("Standard error"));
  process.once("exit", () => {
    if (lost.size > 0) process.exitCode ||= EXIT.fail;
    for (const [name, why] of told ? [] : lost)
      sayLast(`error (write_failed): ${name} could not be written: ${why}.\n`);
  });
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    stream: (text) =>
      new Promise((done, fail) => {
        process.stdout.write(text, (error) => {
          if (!error) return done();
          if (codeOf(error) === "EPIPE") return fail(error);
          told = true;
          const why = `Standard output could not be written: ${messageOf(error)}.`;
          fail(new WhetstoneError("write_failed", why, { remedy: "Free some space, then run again.", cause: error }));
        });
      }),
  };
}

/** Nothing is written any more once the process exits, but this. */
function sayLast(text: string): void {
  try {
    writeSync(2, text);
  } catch {
    // Standard error is lost too; the exit code still tells.
  }
}
