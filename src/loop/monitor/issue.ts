import { z } from "zod";
import type { Notes } from "../../github/host-port.ts";
import { digestOf } from "../../protect/digest.ts";
import { forMarkdown } from "../../protect/sanitise.ts";
import type { Alert } from "./alerts.ts";

/** What a look at a target leads to. */
export type Told = {
  readonly target: string;
  readonly alerts: readonly Alert[];
  /** When the look was taken, RFC 3339. */
  readonly at: string;
  /** One plain sentence about the window that was looked at. */
  readonly looked: string;
  /** Page of the workflow run. */
  readonly url: string;
};

/** What became of the target's issue, and which alerts it did not know before. */
export type Kept = {
  readonly action: "opened" | "updated" | "kept" | "closed" | "none";
  readonly number?: number;
  readonly fresh: readonly Alert[];
};

const LABELS = ["whetstone"];
/** Rows of the table; an issue takes 65,536 characters. */
const MOST_ROWS = 50;

/** Alerts that an issue tells of, by key, and since when. */
const Known = z.record(z.string().regex(/^[0-9a-f]{16}$/), z.iso.datetime());
type Known = z.infer<typeof Known>;

/**
 * Keeps one issue per target. It is opened by the first alert and rewritten when alerts come or go; those that come
 * later are told in a comment, so that who follows it hears of them. It is closed, with a word, when none is left. While
 * the same alerts stand nothing is written, whatever their numbers. Errors: `api_failed`.
 */
export async function keepAlertIssue(notes: Notes, told: Told): Promise<Kept> {
  const { target, alerts, at } = told;
  const purpose = `monitor-${target}`;
  const standing = await notes.standing(purpose);
  if (alerts.length === 0) return await close(notes, told, standing?.number);
  const known = standing === undefined ? {} : knownOf(standing.body);
  const fresh = alerts.filter(({ key }) => !Object.hasOwn(known, key));
  const since: Known = Object.fromEntries(alerts.map(({ key }) => [key, known[key] ?? at]));
  if (standing !== undefined && fresh.length === 0 && Object.keys(known).length === alerts.length) {
    return { action: "kept", number: standing.number, fresh };
  }
  // Before the issue takes them up as known: whoever comes after a cut between the two says it then.
  if (standing !== undefined && fresh.length > 0) {
    const news = `news-${digestOf(fresh.map(({ key }) => key)).slice(0, 16)}`;
    await notes.comment(standing.number, {
      purpose: news,
      body: `New at ${at}:\n\n${table(fresh, since)}\n\nRun: ${told.url}`,
    });
  }
  const title = `Whetstone: ${line(target)} needs a look`;
  const { id, action } = await notes.issue({ purpose, title, body: bodyOf(told, since), labels: LABELS });
  return { action: action === "created" ? "opened" : action, number: id, fresh };
}

async function close(notes: Notes, { target, at, looked, url }: Told, number: number | undefined): Promise<Kept> {
  if (number === undefined) return { action: "none", fresh: [] };
  const body = `Over at ${at}: none of this was found any more. ${line(looked)}\n\nRun: ${url}`;
  await notes.comment(number, { purpose: "over", body });
  const closed = await notes.closeIssue(`monitor-${target}`);
  return { action: closed ? "closed" : "none", number, fresh: [] };
}

function bodyOf({ alerts, looked, at, url }: Told, since: Known): string {
  return [
    marker(since),
    table(alerts, since),
    `Looked at ${at}. ${line(looked)} Run: ${url}`,
    "This issue is rewritten when problems come or go, and closes itself when none is left. Numbers of later looks are in the summaries of their runs.",
  ].join("\n\n");
}

function table(alerts: readonly Alert[], since: Known): string {
  const rows = alerts.slice(0, MOST_ROWS).map(({ key, severity, text, traceId }) => {
    const trace = traceId === undefined ? "" : ` Trace \`${traceId}\`.`;
    return `| ${severity} | ${line(text)}${trace} | ${since[key] ?? ""} |`;
  });
  const cut =
    alerts.length > MOST_ROWS ? `\n\n${MOST_ROWS} of ${alerts.length} are shown; all are in the run's summary.` : "";
  return `${["| severity | what | since |", "|---|---|---|", ...rows].join("\n")}${cut}`;
}

/** Only what this file wrote is taken back: hexadecimal keys and times. */
function marker(since: Known): string {
  return `<!-- whetstone:alerts ${JSON.stringify(since)} -->`;
}

/** An issue whose first line is not ours any more knows of nothing: it is written anew. */
function knownOf(body: string): Known {
  const [, json = ""] = /^<!-- whetstone:alerts (\{.*\}) -->(?:\r?\n|$)/.exec(body) ?? [];
  try {
    return Known.parse(JSON.parse(json));
  } catch {
    return {};
  }
}

/** Foreign text as part of one line of Markdown that sends nothing out. */
function line(text: string): string {
  return forMarkdown(text.replaceAll(/\s+/g, " ").trim().slice(0, 500));
}
