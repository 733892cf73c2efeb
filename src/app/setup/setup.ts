import { timingSafeEqual } from "node:crypto";
import type { ServerResponse } from "node:http";
import { z } from "zod";
import { callGitHub, type GitHubClient } from "../../github/rest-api.ts";
import { messageOf, WhetstoneError } from "../../model/error.ts";
import type { Mount } from "../server.ts";
import { appManifest, CALLBACK_PATH, SETUP_PATH } from "./manifest.ts";
import { createdPage, refusedPage, setupPage } from "./pages.ts";

/** What GitHub hands over once for the code of a manifest. */
const Created = z.object({
  id: z.int(),
  slug: z.string().regex(/^[\w-]+$/),
  html_url: z.url({ protocol: /^https?$/ }),
  pem: z.string().min(1),
  webhook_secret: z.string().min(1),
});
export type Created = z.infer<typeof Created>;

/** What the set-up works with. */
export type SetupParts = {
  /** Proves whoever opens the page: it is in the address that the terminal shows, and in nothing else. */
  readonly token: string;
  /** Makes an unguessable text, of letters that an address takes. */
  readonly unguessable: () => string;
  /** Where the server is reached from outside, without a slash at its end. */
  readonly url: string;
  /** GitHub's pages. */
  readonly site: string;
  /** Of an organisation that is to own the App; the person's own when absent. */
  readonly organisation?: string | undefined;
  /** Without a token: the exchange of the code needs none. */
  readonly client: GitHubClient;
  /** Writes the credentials where only this user reads them; resolves with the name of the file. */
  readonly keep: (created: Created) => Promise<string>;
  /** Told when the App was made, and when it was not. */
  readonly log: (line: string) => void;
};

/**
 * The pages that make the GitHub App from a manifest: for whoever has the token of the terminal, once. GitHub's way back is
 * taken only with the state that this server gave out, and only once, so that nobody can slip in an App of their own.
 */
export function setupMount(parts: SetupParts): Mount {
  const open = new Set<string>();
  let isMade = false;
  return async (request, response) => {
    const url = URL.parse(request.url ?? "", "http://setup");
    if (url === null || (url.pathname !== SETUP_PATH && url.pathname !== CALLBACK_PATH)) return false;
    if (request.method !== "GET") send(response, 405, refused("This page is asked for by GET."));
    else if (isMade) send(response, 410, refused("The App was made already; start the server again for another one."));
    else if (url.pathname === SETUP_PATH) show(parts, { response, url, open });
    else isMade = await create(parts, { response, url, open });
    return true;
  };
}

type Exchange = { readonly response: ServerResponse; readonly url: URL; readonly open: Set<string> };

/** Forms that are open at once; the oldest makes way. */
const MOST_OPEN = 20;

function show(
  { token, unguessable, url, site, organisation }: SetupParts,
  { response, url: asked, open }: Exchange,
): void {
  if (!isEqual(asked.searchParams.get("token") ?? "", token)) {
    return send(response, 403, refused("The address lacks the token that the terminal shows."));
  }
  const state = unguessable();
  open.add(state);
  const [oldest] = open;
  if (open.size > MOST_OPEN && oldest !== undefined) open.delete(oldest);
  const owner = organisation === undefined ? "" : `/organizations/${encodeURIComponent(organisation)}`;
  const manifest = appManifest({ url, name: `whetstone-${state.slice(0, 8).toLowerCase()}` });
  send(response, 200, {
    html: setupPage({ action: `${site}${owner}/settings/apps/new`, manifest, state }),
    formTo: site,
  });
}

async function create(parts: SetupParts, { response, url, open }: Exchange): Promise<boolean> {
  const [code, state] = [url.searchParams.get("code") ?? "", url.searchParams.get("state") ?? ""];
  if (!open.delete(state) || !/^[\w-]{1,100}$/.test(code)) {
    send(response, 403, refused("This is not the way back from a form of this server."));
    return false;
  }
  try {
    const route = "POST /app-manifests/{code}/conversions";
    const created = await callGitHub(parts.client, { route, parameters: { code }, answer: Created });
    const file = await parts.keep(created);
    parts.log(`The GitHub App ${created.slug} (${created.id}) was made; its credentials are in ${file}.`);
    send(response, 200, { html: createdPage({ file, slug: created.slug, htmlUrl: created.html_url }) });
    return true;
  } catch (error) {
    const why = error instanceof WhetstoneError ? error.message : messageOf(error);
    // The code is a credential for an hour.
    parts.log(`The GitHub App was not made: ${why.replaceAll(code, "[code]")}`);
    send(response, 502, refused("GitHub did not hand the App over; the log of the server says why."));
    return false;
  }
}

/** Takes the same time for every text of a length. */
function isEqual(one: string, other: string): boolean {
  const [given, right] = [Buffer.from(one), Buffer.from(other)];
  return given.length === right.length && timingSafeEqual(given, right);
}

type Page = { readonly html: string; readonly formTo?: string };

const refused = (why: string): Page => ({ html: refusedPage(why) });

/** A page that nobody keeps, frames or sends on; its form goes to GitHub alone. */
function send(response: ServerResponse, status: number, { html, formTo = "'none'" }: Page): void {
  response.writeHead(status, {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": `default-src 'none'; style-src 'unsafe-inline'; form-action ${formTo}; frame-ancestors 'none'; base-uri 'none'`,
  });
  response.end(html);
}

/** The credentials as a file for a shell: `set -a; . FILE; set +a`. */
export function credentialsText({
  id,
  pem,
  webhook_secret: secret,
}: Pick<Created, "id" | "pem" | "webhook_secret">): string {
  const quoted = (text: string): string =>
    `'${text
      .trim()
      .replaceAll("\n", "\\n")
      .replaceAll("'", String.raw`'\''`)}'`;
  return `APP_ID=${id}\nPRIVATE_KEY=${quoted(pem)}\nWEBHOOK_SECRET=${quoted(secret)}\n`;
}
