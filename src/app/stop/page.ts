import { codeOf, messageOf } from "../../model/error.ts";
import { type Clock, formatInstant } from "../../model/time.ts";
import type { Principal } from "../../protect/api-key.ts";
import type { Mount } from "../server.ts";
import type { StopDesk } from "./desk.ts";
import { admit, type PageAccess } from "./page-access.ts";
import { readStopForm, type StopForm } from "./page-form.ts";
import { formPage, STANDS_PATH, standsPage, STOP_PATH } from "./page-html.ts";
import { LIST_MS, type PressStop } from "./press.ts";
import { type Exchange, type Refused, refuse, refuseMethod, sendPage } from "./page-send.ts";

/** What the page works with. */
export type StopPageParts = PageAccess & {
  readonly desk: StopDesk;
  readonly press: PressStop;
  readonly clock: Clock;
};

/** Form of a press's name. */
const PRESS = /^[0-9a-f]{32}$/;
/** Repositories of one page: each costs some requests to GitHub. */
const PAGE = 50;

/**
 * The page that stops: `GET /stop` is the form, `POST /stop` asks for the key and makes the stop work of the queue,
 * `GET /stop/stands` shows how the repositories stand to whoever has shown a key within the last quarter of an hour.
 */
export function stopPage(parts: StopPageParts): Mount {
  return async (request, response) => {
    const url = URL.parse(request.url ?? "", "http://stop");
    if (url === null || (url.pathname !== STOP_PATH && url.pathname !== STANDS_PATH)) return false;
    const exchange: Exchange = { request, response };
    const isGet = request.method === "GET" || request.method === "HEAD";
    if (url.pathname === STANDS_PATH) await (isGet ? show(parts, exchange, url) : refuseMethod(exchange, "GET, HEAD"));
    else if (isGet) sendPage(exchange, formPage(), { status: 200 });
    else if (request.method === "POST") await take(parts, exchange);
    else refuseMethod(exchange, "GET, HEAD, POST");
    return true;
  };
}

async function take(parts: StopPageParts, exchange: Exchange): Promise<void> {
  const form = await readStopForm(exchange.request);
  if ("said" in form) return refuse(exchange, form);
  const known = await admit(parts, exchange.request, { text: form.key, as: "key" });
  if ("said" in known) return refuse(exchange, known);
  const pressed = form.act === "stop" ? await press(parts, known, form) : undefined;
  if (pressed?.refused !== undefined) return refuse(exchange, pressed.refused);
  const asked = pressed === undefined ? "" : `&press=${pressed.press}`;
  const { token } = parts.authenticator.issue(known);
  sendPage(exchange, "", { status: 303, headers: { Location: `${STANDS_PATH}?as=${token}${asked}` } });
}

type Asked = { readonly refused: Refused } | { readonly refused: undefined; readonly press: string };

async function press({ press: ask, log }: StopPageParts, { keyId }: Principal, form: StopForm): Promise<Asked> {
  const { scope, why } = form;
  try {
    const pressed = await ask({ scope, keyId, why });
    if (pressed !== undefined) return { refused: undefined, press: pressed.press };
    return { refused: { status: 404, said: "The App is installed in no such repository." } };
  } catch (error) {
    log.error("A stop that was asked for on the page could not be kept.", error);
    const isList = codeOf(error) === "api_failed";
    const what = isList
      ? "GitHub could not be asked where the App is installed."
      : "The queue could not be written; of several repositories some may be stopping.";
    return { refused: { status: 503, said: `${what} ${messageOf(error)}` } };
  }
}

async function show(parts: StopPageParts, exchange: Exchange, { searchParams }: URL): Promise<void> {
  const token = searchParams.get("as") ?? "";
  const known = await admit(parts, exchange.request, { text: token, as: "session" });
  if ("said" in known) return refuse(exchange, known);
  const named = searchParams.get("press") ?? "";
  const press = PRESS.test(named) ? named : undefined;
  const link = (at: number): string => `${STANDS_PATH}?as=${token}${press ? `&press=${press}` : ""}&from=${at}`;
  try {
    const { places, unread } = await parts.desk.installed(LIST_MS);
    const asked = press === undefined ? undefined : await parts.desk.pressed(places, press);
    const wanted = Number.parseInt(searchParams.get("from") ?? "0", 10) || 0;
    const from = Math.max(0, Math.min(wanted, places.length - 1));
    const rows = await parts.desk.standing(places.slice(from, from + PAGE));
    const html = standsPage({
      rows: rows.map((row) => ({ ...row, asked: asked?.get(row.place) })),
      total: places.length,
      from,
      before: from > 0 ? link(Math.max(0, from - PAGE)) : undefined,
      after: from + PAGE < places.length ? link(from + PAGE) : undefined,
      asked: asked?.size,
      unread,
      at: formatInstant(parts.clock.now()),
    });
    sendPage(exchange, html, { status: 200 });
  } catch (error) {
    parts.log.error("How the repositories stand could not be shown.", error);
    refuse(exchange, { status: 503, said: `How it stands cannot be seen: ${messageOf(error)}` });
  }
}
