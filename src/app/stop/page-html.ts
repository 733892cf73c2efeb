import { STOP_VARIABLE, type StopFlag, type StopState, isRunning } from "../../model/stop.ts";
import { redactSecrets } from "../../protect/secret-patterns.ts";
import { forTerminal } from "../../protect/sanitise.ts";
import { placeName } from "../place.ts";
import { forHtml, page } from "../setup/pages.ts";
import type { Asked, Standing } from "./desk.ts";

/** Where the form is, and where it leads. */
export const STOP_PATH = "/stop";
/** Where a press or a look leads to. */
export const STANDS_PATH = "/stop/stands";

/** Text that others wrote, as HTML: invisible characters by name, secrets by kind. */
const foreign = (text: string): string => forHtml(redactSecrets(forTerminal(text.replaceAll(/\s+/g, " ").trim())));

const RESUMING =
  "<p>Nothing goes on by itself, and not from here: an administrator of the repository writes <code>/whetstone resume</code> " +
  `in an issue of it. While the variable <code>${STOP_VARIABLE}</code> is set, it has to be removed first.</p>`;

/** The form; `names` are suggested. */
function stopForm(names: readonly string[]): string {
  const options = names.map((name) => `<option value="${forHtml(name)}">`).join("");
  return `<form action="${STOP_PATH}" method="post">
<p><label>API key of a role that may stop (operations, security)<br><input type="password" name="key" required autocomplete="current-password" maxlength="512" size="50"></label></p>
<p><label>Repository<br><input name="repository" list="names" maxlength="200" size="50" placeholder="OWNER/REPO" autocomplete="off" spellcheck="false"></label><datalist id="names">${options}</datalist><br>
<label><input type="checkbox" name="all" value="yes"> all repositories where the App is installed</label></p>
<p><label>Why, for the others and for the record<br><input name="why" maxlength="500" size="50" autocomplete="off"></label></p>
<p><button type="submit" name="act" value="stop">Stop</button> <button type="submit" name="act" value="look">Only show how it stands</button></p>
</form>`;
}

/** The page of the form. */
export function formPage(): string {
  return page(
    "Stop Whetstone",
    `<p>Stops the workflows of Whetstone in a repository, their runs, and everything that this server writes there.</p>
${stopForm([])}
${RESUMING}`,
  );
}

/** A page that says why nothing was done. */
export function refusedStopPage(why: string): string {
  return page(
    "It was not stopped",
    `<p>${foreign(why)}</p>
<p><a href="${STOP_PATH}">Back to the form.</a> Besides this page, <code>whetstone stop --github OWNER/REPO</code>, <code>/whetstone stop</code> in
an issue, and the variable <code>${STOP_VARIABLE}</code> of the repository stop it too.</p>`,
  );
}

/** What the page of the standing shows. */
export type Shown = {
  readonly rows: readonly (Standing & { readonly asked: Asked | undefined })[];
  /** All repositories, and the number of the first one that is shown, from 0. */
  readonly total: number;
  readonly from: number;
  /** Page with the repositories before and after, where there are some. */
  readonly before?: string | undefined;
  readonly after?: string | undefined;
  /** Repositories that the press was about; undefined without a press. */
  readonly asked: number | undefined;
  readonly unread: readonly { readonly account: string; readonly why: string }[];
  /** RFC 3339. */
  readonly at: string;
};

/** Seconds after which a page is asked for again while a stop is under way. */
const AGAIN_SECONDS = 5;

/** How the repositories stand; while something that was asked for is not done yet, the page looks again by itself. */
export function standsPage(shown: Shown): string {
  const { rows, total, from, asked, unread, at, before, after } = shown;
  const open = rows.some((row) => row.asked === "kept" && !isFlagged(row.flags));
  const head = open ? `<meta http-equiv="refresh" content="${AGAIN_SECONDS}">` : "";
  const said = asked === undefined ? "" : `<p><strong>${askedText(asked, open)}</strong></p>`;
  const lists = unread.map(
    ({ account, why }) => `<p>Not listed, and so not stopped from here: ${foreign(account)}: ${foreign(why)}</p>`,
  );
  // A page that looks again by itself would lose what is being written into a form.
  const again = open
    ? `<p><a href="${STOP_PATH}">Another stop.</a></p>`
    : `<h2>Stop</h2>\n${stopForm(rows.map(({ place }) => placeName(place)))}`;
  const range = total === 0 ? "0" : `${from + 1} to ${from + rows.length}`;
  const links = [before && `<a href="${forHtml(before)}">before</a>`, after && `<a href="${forHtml(after)}">after</a>`];
  return page(
    open ? "Stopping" : "How it stands",
    `${said}
<p>As of ${forHtml(at)}; repositories ${range} of ${total}. ${links.filter(Boolean).join(" ")}</p>
<table><thead><tr><th>repository</th><th>stands</th><th>by whom, when, why</th></tr></thead><tbody>
${rows.map(rowOf).join("\n")}
</tbody></table>
${lists.join("\n")}
${RESUMING}
${again}`,
    head,
  );
}

function askedText(asked: number, open: boolean): string {
  const what = `A stop of ${asked} ${asked === 1 ? "repository" : "repositories"} was asked for and is kept`;
  return open ? `${what}; it is under way.` : `${what}.`;
}

function rowOf({ place, flags, unseen, asked }: Shown["rows"][0]): string {
  const how = stands(flags, asked);
  const said = flags === undefined ? foreign(unseen ?? "") : reasons(flags);
  return `<tr><td>${forHtml(placeName(place))}</td><td>${how}</td><td>${said}</td></tr>`;
}

/** A stop is done when its flag stands on GitHub. */
const isFlagged = (flags: StopState | undefined): boolean => flags?.state.kind === "stopped";

function stands(flags: StopState | undefined, asked: Asked | undefined): string {
  if (isFlagged(flags)) return "<strong>stopped</strong>";
  if (asked === "given up") return "<strong>not stopped</strong>: given up, see whetstone app dead-letters list";
  if (asked === "kept") return "being stopped";
  if (flags === undefined) return "cannot be seen";
  return isRunning(flags) ? "runs" : "<strong>stopped</strong>";
}

function reasons({ local, state, variable }: StopState): string {
  const flags = [
    ["on GitHub", state],
    ["on this server", local],
    [`variable ${STOP_VARIABLE}`, variable],
  ] as const;
  const said = flags.flatMap(([where, flag]) => (flag === undefined ? [] : reasonOf(where, flag)));
  // The same stop stands in two places.
  return [...new Set(said)].join("<br>");
}

function reasonOf(where: string, flag: StopFlag): readonly string[] {
  switch (flag.kind) {
    case "running":
      return [];
    case "variable":
      return [`${where}: ${foreign(flag.value)}`];
    case "unreadable":
      return [`${where}: cannot be read, which counts as stopped: ${foreign(flag.detail)}`];
    case "stopped": {
      const { by, at, why } = flag.record;
      return [`${foreign(by.id)}, ${forHtml(at)}: ${why === null ? "no reason was given" : foreign(why)}`];
    }
  }
}
