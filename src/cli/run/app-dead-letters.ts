import { openWorkQueue } from "../../app/work/open.ts";
import type { DeadLetter, WorkQueue } from "../../app/work/port.ts";
import { EXIT } from "../../model/codes.ts";
import { WhetstoneError } from "../../model/error.ts";
import { formatInstant } from "../../model/time.ts";
import { redactSecrets } from "../../protect/secret-patterns.ts";
import { forTerminal } from "../../protect/sanitise.ts";
import { isStoreThere, spanStoreUrl, systemClock } from "../../wire.ts";
import type { CommonOptions } from "../command.ts";
import type { DeadLetterOptions } from "../commands/app.ts";
import { configIfAny } from "../config.ts";
import { type Io, printJson } from "../io.ts";
import { renderTable } from "../table.ts";

/** Characters of an error that a table shows; `--json` has all of it. */
const SHOWN_ERROR = 120;

/** `whetstone app dead-letters list`. */
export async function runListDeadLetters(options: DeadLetterOptions, io: Io): Promise<number> {
  const limit = /^[1-9]\d{0,5}$/.test(options.limit) ? Number(options.limit) : undefined;
  if (limit === undefined) {
    throw new WhetstoneError("usage", `--limit ${options.limit} is not a whole number.`, {
      remedy: "Write 1 to 999999.",
    });
  }
  const { total, letters } = await readLetters(options, limit, io);
  if (options.json) printJson(io, { deadLetters: letters, returned: letters.length, total });
  else if (total === 0) io.out("Nothing was given up.\n");
  else {
    const rows = letters.map(({ id, event, key, attempts, diedAt, error }) => [
      ...[id, event, key, String(attempts), diedAt].map(forTerminal),
      forTerminal(error.length > SHOWN_ERROR ? `${error.slice(0, SHOWN_ERROR)}… (cut)` : error),
    ]);
    io.out(renderTable(["id", "event", "key", "attempts", "given up", "error"], rows));
    io.out(`${letters.length} of ${total}. Try one again with \`whetstone app dead-letters retry ID\`.\n`);
  }
  return total === 0 ? EXIT.pass : EXIT.fail;
}

/** `whetstone app dead-letters retry`. @throws WhetstoneError `not_found` */
export async function runRetryDeadLetter(id: string, options: CommonOptions, io: Io): Promise<number> {
  await using queue = await queueOf(options, io);
  if (!(await queue?.revive(id, Number(systemClock.now() / 1_000_000n)))) {
    throw new WhetstoneError("not_found", `There is no dead letter ${forTerminal(id)}.`, {
      remedy: "`whetstone app dead-letters list` shows them.",
    });
  }
  if (options.json) printJson(io, { id, state: "waiting" });
  else io.out(`${forTerminal(id)} waits for its next attempt; a running server sees it within seconds.\n`);
  return EXIT.pass;
}

type Read = { readonly total: number; readonly letters: readonly ReturnType<typeof shown>[] };

async function readLetters(options: CommonOptions, limit: number, io: Io): Promise<Read> {
  await using queue = await queueOf(options, io);
  if (queue === undefined) return { total: 0, letters: [] };
  const { dead } = await queue.counts(Number(systemClock.now() / 1_000_000n));
  return { total: dead, letters: (await queue.deadLetters(limit)).map(shown) };
}

/** Undefined where nothing was ever kept: looking makes no store. @throws WhetstoneError `not_found` for a mistyped path */
async function queueOf(options: CommonOptions, io: Io): Promise<WorkQueue | undefined> {
  const config = await configIfAny(options, io);
  const places = { ...options, cwd: io.cwd };
  if (!isStoreThere(places, io.env, config)) return undefined;
  return openWorkQueue({ url: spanStoreUrl(places, io.env, config) });
}

/** Payloads hold other people's text and are not shown. */
function shown({ id, event, key, attempts, error, receivedAt, diedAt }: DeadLetter) {
  const times = { receivedAt: instant(receivedAt), diedAt: instant(diedAt) };
  return { id, event, key, attempts, error: redactSecrets(error), ...times };
}

const instant = (ms: number): string => formatInstant(BigInt(ms) * 1_000_000n);
