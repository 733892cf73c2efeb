import { createHash } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import nock from "nock";
import { memoryQueue } from "../../../src/app/work/memory.ts";
import { WhetstoneError } from "../../../src/model/error.ts";
import { ROLES } from "../../../src/model/role.ts";
import type { StopState } from "../../../src/model/stop.ts";
import fc from "../../support/fast-check.ts";
import { claimed, LEASE } from "../work/works.ts";
import { place, servePage, type ServedPage } from "./served.ts";

nock.restore();

const NOTES = "octo-org/notes";
let page: ServedPage;
beforeEach(async () => {
  page = await servePage();
});
afterEach(async () => {
  await page[Symbol.asyncDispose]();
});

const now = () => Number(page.clock.now() / 1_000_000n);
/** What is in the queue, oldest first: id of the repository and payload. */
async function asked(): Promise<{ id: number; by: unknown; why: unknown }[]> {
  const found = [];
  for (let work = await page.queue.claim(now(), LEASE); work; work = await page.queue.claim(now(), LEASE)) {
    await page.queue.end(work.claim, { kind: "done" }, now());
    const { place: at, payload } = JSON.parse(work.payload) as { place: { id: number }; payload: object };
    found.push({ id: at.id, ...(payload as { by: unknown; why: unknown }) });
  }
  return found;
}
const stoppedBy = (id: string, why: string | null): StopState => {
  const record = { schema: "whetstone.stop/1", by: { type: "bot", id }, at: "2026-11-20T10:00:00.000Z", why } as const;
  return { local: { kind: "stopped", record }, state: { kind: "stopped", record } };
};

describe("the form", () => {
  test("needs no script, and no other site may hold it, send it or be sent to", async () => {
    const response = await fetch(`${page.url}/stop`);
    const html = await response.text();
    expect(response.status).toBe(200);
    expect(html).not.toMatch(/<script|javascript:|\son\w+=|https?:\/\//i);
    const style = /<style>([^<]*)<\/style>/.exec(html)?.[1] ?? "";
    const hash = createHash("sha256").update(style).digest("base64");
    expect(response.headers.get("content-security-policy")).toBe(
      `default-src 'none'; style-src 'sha256-${hash}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'`,
    );
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(response.headers.get("set-cookie")).toBeNull();
    const head = await fetch(`${page.url}/stop`, { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
  });

  test.each(["PUT", "DELETE", "OPTIONS"])("%s is refused, other paths are others'", async (method) => {
    for (const path of ["/stop", "/stop/stands"]) {
      expect((await fetch(page.url + path, { method })).status).toBe(405);
    }
    expect((await fetch(`${page.url}/stop/stands`, { method: "POST" })).status).toBe(405);
    for (const path of ["/stops", "/stop/", "/Stop", "/stop/stands/x"]) expect((await page.get(path)).status).toBe(404);
    expect(await asked()).toEqual([]);
  });
});

describe("who may stop", () => {
  test.each(ROLES)("a key of the role %s", async (role) => {
    const { id, text } = await page.key(role);
    const may = role === "operations" || role === "security";
    expect((await page.send({ act: "stop", key: text, repository: NOTES })).status).toBe(may ? 303 : 403);
    expect((await page.send({ act: "look", key: text })).status).toBe(may ? 303 : 403);
    expect(await asked()).toEqual(may ? [{ id: 1, by: { type: "bot", id: `api-key:${id}` }, why: null }] : []);
  });

  test("nobody without a key, with another key, with a revoked or an expired one; guessing is slowed down", async () => {
    const { id, text } = await page.key("security");
    const wrong = `${text.slice(0, -1)}${text.endsWith("A") ? "B" : "A"}`;
    const stop = async (key: string) => (await page.send({ act: "stop", key, all: "yes" })).status;
    expect([await stop(wrong), await stop("x"), await stop("whs_x.y")]).toEqual([401, 401, 401]);
    expect([await stop(wrong), await stop(wrong), await stop(wrong)]).toEqual([401, 401, 429]);
    // Who holds the key is let in, whoever else sits behind the same address.
    expect(await stop(text)).toBe(303);
    expect(await asked()).toHaveLength(2);
    await page.keys.revoke(id, page.clock.now());
    page.clock.advance(60_000);
    expect(await stop(text)).toBe(401);
    expect(await asked()).toEqual([]);
  });

  test("the link to how it stands is no key, and ends with the key and with time", async () => {
    const { id, text } = await page.key("operations");
    const { url } = await page.open({ act: "look", key: text });
    expect((await page.get(url)).status).toBe(200);
    const token = new URL(url, page.url).searchParams.get("as") ?? "";
    expect((await page.send({ act: "stop", key: token, all: "yes" })).status).toBe(401);
    for (const bad of [
      "/stop/stands",
      "/stop/stands?as=",
      `/stop/stands?as=${text}`,
      url.replace("as=whs_", "as=whs_x"),
    ]) {
      expect((await page.get(bad)).status).toBe(401);
    }
    page.clock.advance(16 * 60_000);
    expect((await page.get(url)).status).toBe(401);
    const again = await page.open({ act: "look", key: text });
    await page.keys.revoke(id, page.clock.now());
    expect((await page.get(again.url)).status).toBe(401);
  });

  test("a key that asks without end is told to wait", async () => {
    const { text } = await page.key("operations");
    const statuses = [];
    for (let n = 0; n < 21; n += 1) statuses.push((await page.send({ act: "look", key: text })).status);
    expect(statuses).toEqual([...Array.from({ length: 20 }, () => 303), 429]);
  });

  test.each([
    [{ "sec-fetch-site": "cross-site" }, 403],
    [{ "sec-fetch-site": "same-site" }, 403],
    [{ "sec-fetch-site": "none" }, 403],
    [{ origin: "https://evil.example" }, 403],
    [{ origin: "null" }, 403],
    [{ origin: "http://127.0.0.1:1" }, 403],
    [{ "sec-fetch-site": "cross-site", origin: "self" }, 403],
    [{ "sec-fetch-site": "same-origin" }, 303],
    [{ origin: "self" }, 303],
    [{}, 303],
  ] as const)("sent with %j: %i", async (headers, status) => {
    const { text } = await page.key("operations");
    const own = Object.entries(headers).map(([name, value]) => [name, value === "self" ? page.url : value] as const);
    expect((await page.send({ act: "stop", key: text, all: "yes" }, Object.fromEntries(own))).status).toBe(status);
    expect(await asked()).toHaveLength(status === 303 ? 2 : 0);
  });
});

describe("what may be stopped", () => {
  test("one repository, whatever its case; all of them; none that is not the App's", async () => {
    const { text: key } = await page.key("operations");
    const stop = async (fields: Record<string, string>) => (await page.send({ act: "stop", key, ...fields })).status;
    expect(await stop({ repository: " OCTO-ORG/Notes " })).toBe(303);
    expect((await asked()).map(({ id }) => id)).toEqual([1]);
    expect(await stop({ all: "yes", why: "  it costs\ttoo much " })).toBe(303);
    expect(await asked()).toMatchObject([
      { id: 1, why: "it costs\ttoo much" },
      { id: 2, why: "it costs\ttoo much" },
    ]);
    for (const repository of ["octo-org/other", "notes", "octo-org", "../octo-org/notes", "octo-org/notes/stop"]) {
      expect(await stop({ repository })).toBe(404);
    }
    expect(await stop({})).toBe(400);
    expect(await stop({ all: "yes", repository: NOTES })).toBe(400);
    expect(await asked()).toEqual([]);
  });

  test("one that was installed a moment ago, and is not in the list that is remembered", async () => {
    await page[Symbol.asyncDispose]();
    let asks = 0;
    page = await servePage({
      installed: async () => {
        asks += 1;
        return { places: asks === 1 ? [] : [place("fresh", 3)], unread: [] };
      },
    });
    const { text: key } = await page.key("operations");
    expect((await page.send({ act: "stop", key, repository: "octo-org/fresh" })).status).toBe(303);
    expect((await asked()).map(({ id }) => id)).toEqual([3]);
  });

  test.each([
    ["a reason of 501 characters", { why: "x".repeat(501) }, 400],
    ["an unknown field", { press: "0" }, 400],
    ["another act", { act: "resume" }, 400],
    ["another word for all", { all: "no" }, 400],
    ["a form that is too large", { why: "x".repeat(20_000) }, 413],
  ])("%s is refused", async (_, fields, status) => {
    const { text: key } = await page.key("operations");
    const answer = await page.send({ act: "stop", key, all: "yes", ...fields });
    expect(answer.status).toBe(status);
    expect(await answer.text()).not.toContain(key);
    expect(await asked()).toEqual([]);
  });

  test("a field that stands there twice, another kind of body and no body are refused", async () => {
    const { text: key } = await page.key("operations");
    const twice = new URLSearchParams({ act: "stop", key, repository: NOTES });
    twice.append("repository", "octo-org/tools");
    expect((await page.send(twice)).status).toBe(400);
    expect((await page.send(JSON.stringify({ act: "stop", key, all: "yes" }))).status).toBe(415);
    const form = { "content-type": "application/x-www-form-urlencoded" };
    expect((await page.send("", form)).status).toBe(400);
    expect((await page.send("%", form)).status).toBe(400);
    expect(await asked()).toEqual([]);
  });

  test("where GitHub or the queue cannot be reached it says that it was not stopped, and how else", async () => {
    const failing = {
      ...memoryQueue(),
      add: () => Promise.reject(new WhetstoneError("store_write_failed", "disk full")),
    };
    const installed = () => Promise.reject(new WhetstoneError("api_failed", "no answer"));
    for (const options of [{ queue: failing }, { installed }]) {
      await using broken = await servePage(options);
      const { text: key } = await broken.key("operations");
      const answer = await broken.send({ act: "stop", key, all: "yes" });
      expect(answer.status).toBe(503);
      const html = await answer.text();
      expect(html).toContain("It was not stopped");
      expect(html).toContain("whetstone stop --github OWNER/REPO");
      expect(broken.lines).toEqual(["A stop that was asked for on the page could not be kept."]);
    }
  });
});

describe("how it stands", () => {
  test("a press is under way until the flag stands on GitHub; then the page no longer looks again by itself", async () => {
    const { id, text: key } = await page.key("operations");
    const { url, html } = await page.open({ act: "stop", key, repository: NOTES, why: "drill" });
    expect(html).toContain("A stop of 1 repository was asked for and is kept; it is under way.");
    expect(html).toContain(`<td>${NOTES}</td><td>being stopped</td>`);
    expect(html).toContain("<td>octo-org/tools</td><td>runs</td>");
    expect(html).toContain('http-equiv="refresh"');
    expect(html).not.toContain("<form"); // it would be emptied while somebody writes
    page.stands.set("notes", stoppedBy(`api-key:${id}`, "drill"));
    page.clock.advance(5_000);
    const later = (await page.get(url)).html;
    expect(later).toContain(`<td>${NOTES}</td><td><strong>stopped</strong></td>`);
    expect(later).toContain(`api-key:${id}, 2026-11-20T10:00:00.000Z: drill</td>`);
    expect(later).toContain("asked for and is kept.");
    expect(later).not.toContain("refresh");
    expect(later).toContain("<form");
    expect(later).toContain("/whetstone resume");
  });

  test("a stop that was given up is not said to be under way", async () => {
    const { text: key } = await page.key("operations");
    const { url } = await page.open({ act: "stop", key, repository: NOTES });
    const work = await claimed(page.queue, now());
    await page.queue.end(work.claim, { kind: "dead", error: "401" }, now());
    const { html } = await page.get(url);
    expect(html).toContain("<strong>not stopped</strong>: given up");
    expect(html).not.toContain("refresh");
  });

  test("the variable, and what cannot be read, count as stopped", async () => {
    const runs = { kind: "running" } as const;
    page.stands.set("notes", { local: runs, state: runs, variable: { kind: "variable", value: "1" } });
    page.stands.set("tools", { local: runs, state: { kind: "unreadable", detail: "GitHub answered 502" } });
    const { text: key } = await page.key("security");
    const { html } = await page.open({ act: "look", key });
    expect(html.match(/<strong>stopped<\/strong>/g)).toHaveLength(2);
    expect(html).toContain("variable WHETSTONE_STOP: 1");
    expect(html).toContain("cannot be read, which counts as stopped: GitHub answered 502");
  });

  test("fifty at a time, with links to the others; an account that could not be listed is named", async () => {
    const places = Array.from({ length: 120 }, (_, n) => place(`r-${String(n).padStart(3, "0")}`, n + 1));
    const unread = [{ account: "other<org>", why: "GitHub answered 403" }];
    await using many = await servePage({ installed: async () => ({ places, unread }) });
    const { text: key } = await many.key("operations");
    const first = await many.open({ act: "stop", key, all: "yes" });
    expect(first.html).toContain("A stop of 120 repositories was asked for");
    expect(first.html).toContain("repositories 1 to 50 of 120");
    expect(first.html).toContain("not stopped from here: other&#60;org&#62;: GitHub answered 403");
    const seen = new Set<string>();
    for (let path: string | undefined = first.url; path !== undefined;) {
      const { html } = await many.get(path);
      for (const [, name = ""] of html.matchAll(/<td>(octo-org\/r-\d+)<\/td>/g)) seen.add(name);
      path = /<a href="([^"]*)">after</.exec(html)?.[1]?.replaceAll("&#38;", "&");
    }
    expect(seen.size).toBe(120);
    for (const from of ["-5", "x", "99999", "1e9"]) {
      expect((await many.get(`${first.url}&from=${from}`)).status).toBe(200);
    }
  });

  test("whatever others wrote is shown as text, without secrets and without characters that nobody sees", async () => {
    const { text: key } = await page.key("operations");
    const secret = `ghp_${"a1B2".repeat(9)}`;
    page.stands.set("notes", stoppedBy('x"><img src=x onerror=alert(1)>', `<script>1</script> \u202e ${secret}`));
    const { html } = await page.open({ act: "look", key });
    expect(html).not.toMatch(/<script|<img|\u202e/);
    expect(html).not.toContain(secret);
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "binary", minLength: 1, maxLength: 60 }), async (why) => {
        page.clock.advance(60_000);
        page.stands.set("notes", stoppedBy("grace", why));
        const { url } = await page.open({ act: "look", key });
        const shown = /<td>octo-org\/notes<\/td>.*?<\/tr>/s.exec((await page.get(url)).html)?.[0] ?? "";
        const tags = shown.match(/<[^>]*>?/g) ?? [];
        expect(new Set(tags)).toEqual(new Set(["<td>", "</td>", "<strong>", "</strong>", "</tr>"]));
      }),
      { numRuns: 40 },
    );
  });
});
