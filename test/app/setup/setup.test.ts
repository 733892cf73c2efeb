import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "@jest/globals";
import nock from "nock";
import { readCredentials } from "../../../src/app/credentials.ts";
import { HANDLERS } from "../../../src/app/handlers.ts";
import { EVENTS } from "../../../src/app/setup/permissions.ts";
import { type Created, credentialsText, setupMount, type SetupParts } from "../../../src/app/setup/setup.ts";
import { forHtml } from "../../../src/app/setup/pages.ts";
import { parseEnv } from "../../../src/config/env.ts";
import { WhetstoneError } from "../../../src/model/error.ts";
import { newAppKey } from "../rsa-key.ts";

nock.restore();

const TOKEN = "the-token-of-the-terminal";
const created = {
  id: 4711,
  slug: "whetstone-x",
  html_url: "https://github.com/apps/whetstone-x",
  pem: newAppKey().pem,
  webhook_secret: "it's a secret",
  client_secret: "not asked for",
};
const open: (() => void)[] = [];
afterEach(() => open.splice(0).forEach((close) => close()));

/** The pages on a free port. GitHub's answers to exchanges are those given, one after the other. */
async function pages(answers: readonly unknown[] = [created], change: Partial<SetupParts> = {}) {
  const kept: Created[] = [];
  const [asked, lines]: [unknown[], string[]] = [[], []];
  let states = 0;
  const mount = setupMount({
    token: TOKEN,
    unguessable: () => `State${(states += 1)}-abcdefgh`,
    url: "https://whetstone.example.com",
    site: "https://github.com",
    client: {
      request: async (route, parameters) => {
        asked.push([route, parameters]);
        const answer = answers[asked.length - 1];
        if (answer === undefined) throw new WhetstoneError("api_failed", "no answer to C0DE");
        return { data: answer };
      },
    },
    keep: async (made) => {
      kept.push(made);
      return "/srv/<app>/credentials.env";
    },
    log: (line) => lines.push(line),
    ...change,
  });
  const server = createServer((request, response) => {
    void mount(request, response).then((took) => took || response.writeHead(404).end());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  open.push(() => void server.close());
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const get = async (path: string, init?: RequestInit) => {
    const response = await fetch(base + path, init);
    return { status: response.status, headers: response.headers, html: await response.text() };
  };
  return { get, kept, asked, lines };
}

describe("the set-up page", () => {
  test("takes a private App with the least that is needed to GitHub, and tells what each permission is for", async () => {
    const { get } = await pages();
    const { status, headers, html } = await get(`/setup?token=${TOKEN}`);
    expect(status).toBe(200);
    expect(html).toContain('action="https://github.com/settings/apps/new?state=State1-abcdefgh" method="post"');
    const value = /name="manifest" value="([^"]*)"/.exec(html)?.[1] ?? "";
    const manifest = JSON.parse(
      value.replaceAll(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code))),
    ) as object;
    expect(manifest).toEqual({
      name: "whetstone-state1-a",
      url: "https://whetstone.example.com",
      hook_attributes: { url: "https://whetstone.example.com/api/github/webhooks", active: true },
      redirect_url: "https://whetstone.example.com/setup/created",
      public: false,
      default_permissions: {
        metadata: "read",
        contents: "write",
        issues: "write",
        pull_requests: "write",
        checks: "write",
        deployments: "write",
        actions: "write",
        merge_queues: "read",
        actions_variables: "read",
      },
      default_events: EVENTS,
    });
    for (const what of ["contents", "deployments"]) expect(html).toContain(`<code>${what}</code>`);
    expect(headers.get("content-security-policy")).toContain("form-action https://github.com;");
    expect(headers.get("cache-control")).toBe("no-store");
    expect(headers.get("referrer-policy")).toBe("no-referrer");
  });

  test("it hears of the events that something is done about, and of no others", () => {
    const heard = HANDLERS.flatMap(({ events }) => events).filter((name) => !name.startsWith("task."));
    expect(new Set(heard.map((name) => name.split(".")[0]))).toEqual(new Set(EVENTS));
  });

  test("an organisation owns the App where that is asked for", async () => {
    const { get } = await pages([], { organisation: "octo-org" });
    const { html } = await get(`/setup?token=${TOKEN}`);
    expect(html).toContain('action="https://github.com/organizations/octo-org/settings/apps/new?state=');
  });

  test.each(["", "?token=", "?token=the-token-of-the-terminaL", `?token=${TOKEN}x`, `?Token=${TOKEN}`])(
    "%j: 403 without the token of the terminal",
    async (query) => {
      const { get } = await pages();
      const { status, html } = await get(`/setup${query}`);
      expect(status).toBe(403);
      expect(html).not.toContain("<form");
    },
  );

  test("other paths are others', other methods are refused", async () => {
    const { get } = await pages();
    for (const path of ["/", "/setup/", "/setup/created/x", "/setups"]) expect((await get(path)).status).toBe(404);
    expect((await get(`/setup?token=${TOKEN}`, { method: "POST" })).status).toBe(405);
  });
});

describe("the way back", () => {
  test("exchanges the code, keeps the credentials, shows none of them, and is over", async () => {
    const { get, kept, asked, lines } = await pages();
    await get(`/setup?token=${TOKEN}`);
    const { status, html } = await get("/setup/created?code=C0DE&state=State1-abcdefgh");
    expect(status).toBe(200);
    expect(asked).toEqual([["POST /app-manifests/{code}/conversions", { code: "C0DE" }]]);
    const { client_secret: _, ...needed } = created;
    expect(kept).toEqual([needed]);
    expect(html).toContain("/srv/&#60;app&#62;/credentials.env");
    expect(html).toContain('href="https://github.com/apps/whetstone-x/installations/new"');
    expect(html + lines.join("")).not.toMatch(/PRIVATE|a secret|C0DE/);
    expect((await get("/setup/created?code=C0DE&state=State1-abcdefgh")).status).toBe(410);
    expect((await get(`/setup?token=${TOKEN}`)).status).toBe(410);
  });

  test.each([
    ["no state", "code=C0DE"],
    ["a state that was never given out", "code=C0DE&state=State2-abcdefgh"],
    ["no code", "state=State1-abcdefgh"],
    ["a code that is a path", "code=..%2F..%2Fuser&state=State1-abcdefgh"],
  ])("%s: 403, and GitHub is asked for nothing", async (_, query) => {
    const { get, kept, asked } = await pages();
    await get(`/setup?token=${TOKEN}`);
    expect((await get(`/setup/created?${query}`)).status).toBe(403);
    expect([kept, asked]).toEqual([[], []]);
  });

  test("a state is good once, also when GitHub refuses; the code is in no log", async () => {
    const { get, kept, lines } = await pages([]);
    await get(`/setup?token=${TOKEN}`);
    expect((await get("/setup/created?code=C0DE&state=State1-abcdefgh")).status).toBe(502);
    expect((await get("/setup/created?code=C0DE&state=State1-abcdefgh")).status).toBe(403);
    expect(kept).toEqual([]);
    expect(lines.join()).toContain("was not made");
    expect(lines.join()).not.toContain("C0DE");
  });

  test.each([{ ...created, slug: 'x"><script>' }, { ...created, html_url: "javascript:alert(1)" }, { id: 1 }])(
    "an answer of another form is refused (%#)",
    async (answer) => {
      const { get, kept } = await pages([answer]);
      await get(`/setup?token=${TOKEN}`);
      expect((await get("/setup/created?code=C0DE&state=State1-abcdefgh")).status).toBe(502);
      expect(kept).toEqual([]);
    },
  );

  test("of many open forms the oldest makes way", async () => {
    const { get } = await pages();
    for (let n = 0; n < 21; n += 1) await get(`/setup?token=${TOKEN}`);
    expect((await get("/setup/created?code=C0DE&state=State1-abcdefgh")).status).toBe(403);
    expect((await get("/setup/created?code=C0DE&state=State2-abcdefgh")).status).toBe(200);
  });
});

describe("the file of credentials", () => {
  test("is what the server reads, quotes and line breaks included", async () => {
    const lines = credentialsText(created).trimEnd().split("\n");
    const unquoted = lines.map((line) => {
      const [, name = "", value = ""] = /^([A-Z_]+)=(.*)$/.exec(line) ?? [];
      const plain = value.startsWith("'") ? value.slice(1, -1).replaceAll(String.raw`'\''`, "'") : value;
      return [name, plain] as const;
    });
    const read = await readCredentials(parseEnv(Object.fromEntries(unquoted)).githubApp);
    expect(read.appId).toBe(4711);
    expect(read.privateKey.reveal()).toBe(created.pem.trim());
    expect(read.webhookSecret.reveal()).toBe("it's a secret");
  });

  test("HTML shows text as it is", () => {
    expect(forHtml(`<a href="x" b='y'>&`)).toBe("&#60;a href=&#34;x&#34; b=&#39;y&#39;&#62;&#38;");
  });
});
