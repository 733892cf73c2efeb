import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Answer, Incoming } from "./github.ts";
import { type Payload, payloadOf } from "./github-webhooks.ts";

/** A GitHub App that is installed on the counterpart's organisation. */
export type InstalledApp = {
  readonly appId: number;
  readonly slug: string;
  readonly installation: number;
  /** PEM. */
  readonly privateKey: string;
  readonly webhookSecret: string;
  readonly permissions: Readonly<Record<string, string>>;
  readonly events: readonly string[];
};

/** One delivery as GitHub's log of an App shows it. */
export type LoggedDelivery = {
  readonly id: number;
  readonly guid: string;
  readonly event: string;
  readonly action: string | null;
  readonly body: string;
  readonly signature: string;
  readonly deliveredAt: string;
  /** 0: no answer. */
  readonly statusCode: number;
};

/** The webhook side of an App: takes the emulator's deliveries, logs them, and passes them on to where the App listens. */
export type AppHooks = {
  readonly log: readonly LoggedDelivery[];
  /** Where the App listens from now on; undefined: nowhere, deliveries fail. */
  readonly deliverTo: (url: string | undefined) => void;
  /**
   * Sends a delivery of a kind that the emulator does not make, as GitHub would: the payload is laid over GitHub's own and
   * proved by its description. Resolves with the App's answer.
   */
  readonly send: (event: string, payload: Payload) => Promise<number>;
  /** Takes what the emulator delivers. */
  readonly take: (request: IncomingMessage, response: ServerResponse) => Promise<void>;
  /** GitHub's log of deliveries over REST; undefined for other paths. */
  readonly answer: (request: Incoming) => Promise<Answer | undefined>;
};

/** Path of the counterpart that the emulator delivers to. */
export const HOOKS_PATH = "/_hooks";

/** What the emulator is seeded with for an App. */
export function appSeed(app: InstalledApp, { owner, hooks }: { readonly owner: string; readonly hooks: string }) {
  const { appId, slug, installation, privateKey, webhookSecret, permissions, events } = app;
  return {
    app_id: appId,
    slug,
    name: slug,
    private_key: privateKey,
    webhook_url: hooks,
    webhook_secret: webhookSecret,
    permissions: { ...permissions },
    events: [...events],
    installations: [{ installation_id: installation, account: owner, repository_selection: "all" as const }],
  };
}

/** The hooks of an App; `sign` is GitHub's signature of a body. */
export function appHooks(
  { installation }: Pick<InstalledApp, "installation">,
  sign: (body: string) => string,
): AppHooks {
  const log: LoggedDelivery[] = [];
  let address: string | undefined;
  const pass = async (delivery: Omit<LoggedDelivery, "id" | "statusCode" | "deliveredAt">): Promise<number> => {
    const statusCode = address === undefined ? 0 : await post(address, delivery);
    log.push({ ...delivery, id: log.length + 1, deliveredAt: new Date().toISOString(), statusCode });
    return statusCode;
  };
  return {
    log,
    deliverTo: (url) => {
      address = url;
    },
    send: async (event, payload) => {
      const name = `${event}.${String(payload["action"])}`;
      const body = JSON.stringify(payloadOf(name, { installation: { id: installation }, ...payload }));
      return await pass({ guid: randomUUID(), event, action: actionOf(body), body, signature: sign(body) });
    },
    take: async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
      const body = Buffer.concat(chunks).toString("utf8");
      const [event = "", signature = ""] = ["x-github-event", "x-hub-signature-256"].map((name) =>
        String(request.headers[name]),
      );
      // The emulator's own ids are milliseconds: two events of one moment would be one delivery.
      const status = await pass({ guid: randomUUID(), event, action: actionOf(body), body, signature });
      response.writeHead(status === 0 ? 502 : status).end();
    },
    answer: async ({ method, path }) => {
      const [, id, attempts] = /^\/app\/hook\/deliveries(?:\/(\d+))?(\/attempts)?$/.exec(path) ?? [undefined];
      if (!path.startsWith("/app/hook/deliveries")) return undefined;
      const found = id === undefined ? undefined : log[Number(id) - 1];
      if (method === "GET" && id === undefined) return { status: 200, body: log.map(shown).toReversed() };
      if (found === undefined) return { status: 404, body: { message: "Not Found" } };
      if (method === "GET") {
        return {
          status: 200,
          body: { ...shown(found), request: { headers: {}, payload: JSON.parse(found.body) as unknown } },
        };
      }
      if (attempts === undefined) return undefined;
      const { guid, event, action, body, signature } = found;
      await pass({ guid, event, action, body, signature });
      return { status: 202, body: {} };
    },
  };
}

async function post(
  address: string,
  { guid, event, body, signature }: Pick<LoggedDelivery, "guid" | "event" | "body" | "signature">,
) {
  const headers = {
    "content-type": "application/json",
    "x-github-event": event,
    "x-github-delivery": guid,
    "x-hub-signature-256": signature,
  };
  return await fetch(address, { method: "POST", headers, body }).then(
    ({ status }) => status,
    () => 0,
  );
}

function actionOf(body: string): string | null {
  const action: unknown = Reflect.get(Object(JSON.parse(body)), "action");
  return typeof action === "string" ? action : null;
}

function shown({ id, guid, event, action, deliveredAt, statusCode }: LoggedDelivery) {
  return {
    id,
    guid,
    delivered_at: deliveredAt,
    redelivery: false,
    duration: 0.1,
    status: statusCode >= 200 && statusCode < 300 ? "OK" : "Failed",
    status_code: statusCode,
    event,
    action,
    installation_id: null,
    repository_id: null,
  };
}
