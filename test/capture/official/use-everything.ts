import type { Client } from "@modelcontextprotocol/sdk/client/index.js";
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  EmptyResultSchema,
  ListRootsRequestSchema,
  LoggingMessageNotificationSchema,
  ResourceListChangedNotificationSchema,
  ResourceUpdatedNotificationSchema,
} from "@modelcontextprotocol/sdk/types.js";

/** What the client says that it can do. */
export const CAPABILITIES = { sampling: {}, elicitation: { form: {} }, roots: { listChanged: true } };

const DOCUMENT = "demo://resource/dynamic/text/1";

/** Tools whose answer is the same each time, with arguments; the last three answer with an error. */
const CALLS: readonly (readonly [string, Record<string, unknown>])[] = [
  ["echo", { message: 'grüße 🎈\n\u0000\u2028 \\ "' }],
  ["get-sum", { a: 1.5, b: -2e-7 }],
  ["get-tiny-image", {}],
  ["get-env", {}],
  ["get-annotated-message", { messageType: "error", includeImage: true }],
  ["get-resource-links", { count: 4 }],
  ["get-structured-content", { location: "Chicago" }],
  ["gzip-file-as-resource", { name: "a.gz", data: "data:text/plain,hello", outputType: "resource" }],
  ["get-roots-list", {}],
  ["trigger-elicitation-request", {}],
  ["get-sum", { a: "no number" }],
  ["get-resource-reference", { resourceType: "Text", resourceId: -1 }],
  ["no-such-tool", {}],
];

/** Everything that the server can do and a client can ask, one after the other. */
export async function useEverything(client: Client): Promise<void> {
  const heard = listen(client);
  await client.ping();
  await client.setLoggingLevel("debug");
  await client.listTools();
  for (const [name, args] of CALLS) await client.callTool({ name, arguments: args }).catch(() => undefined);
  await client.callTool({ name: "trigger-sampling-request", arguments: { prompt: "hi", maxTokens: 5 } });
  await callWithProgress(client);
  await client.listPrompts();
  await client.getPrompt({ name: "simple-prompt" });
  await client.getPrompt({ name: "args-prompt", arguments: { city: "Zürich" } });
  await client
    .getPrompt({ name: "resource-prompt", arguments: { resourceType: "Text", resourceId: "x" } })
    .catch(() => 0);
  const ref = { type: "ref/prompt", name: "completable-prompt" } as const;
  await client.complete({ ref, argument: { name: "department", value: "S" } });
  await client.listResources();
  await client.listResourceTemplates();
  await client.readResource({ uri: "demo://resource/static/document/features.md" });
  await client.readResource({ uri: "demo://no/such" }).catch(() => undefined);
  await client.subscribeResource({ uri: DOCUMENT });
  await toggle(client, "toggle-subscriber-updates", heard.update);
  await toggle(client, "toggle-simulated-logging", heard.nextLog("level"));
  await client.unsubscribeResource({ uri: DOCUMENT });
  await client.request({ method: "no/such/method" }, EmptyResultSchema).catch(() => undefined);
  // The server asks for the new roots, and says so when it has them.
  const updated = heard.nextLog("Roots updated");
  await client.sendRootsListChanged();
  await updated;
}

/** Answers what the server asks, and tells what it announces. */
function listen(client: Client) {
  const update = Promise.withResolvers<void>();
  const waiting = new Map<string, () => void>();
  client.setRequestHandler(ListRootsRequestSchema, () => ({ roots: [{ uri: "file:///project", name: "project" }] }));
  client.setRequestHandler(ElicitRequestSchema, () => ({ action: "accept", content: { name: "Ada", check: true } }));
  client.setRequestHandler(CreateMessageRequestSchema, () => ({
    role: "assistant",
    model: "none",
    content: { type: "text", text: "hello" },
  }));
  client.setNotificationHandler(ResourceUpdatedNotificationSchema, () => update.resolve());
  client.setNotificationHandler(ResourceListChangedNotificationSchema, () => undefined);
  client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => {
    for (const [words, resolve] of waiting) if (String(params.data).includes(words)) resolve();
  });
  const nextLog = (words: string): Promise<void> => new Promise((resolve) => waiting.set(words, resolve));
  return { update: update.promise, nextLog };
}

/** Not all progress is heard: the SDK's client drops what it reads together with the result. The wire shows it all. */
async function callWithProgress(client: Client): Promise<void> {
  const call = { name: "trigger-long-running-operation", arguments: { duration: 0.05, steps: 5 } };
  await client.callTool(call, undefined, { onprogress: () => undefined });
}

/** On, until the server has said something, and off again, or its timer would keep it alive. */
async function toggle(client: Client, name: string, said: Promise<void>): Promise<void> {
  await client.callTool({ name, arguments: {} });
  await said;
  await client.callTool({ name, arguments: {} });
}
