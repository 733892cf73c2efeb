import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { test } from "node:test";
import { startServer } from "./client.ts";

type Span = { name: string; traceId: string; parentSpanId?: string };
type Batch = { resourceSpans: { resource: { attributes: { key: string }[] }; scopeSpans: { spans: Span[] }[] }[] };

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const CALLER = "b7ad6b7169203331";

await test("spans go to the OTLP endpoint, below the span that the caller names", async (t) => {
  const batches: Batch[] = [];
  const collector = createServer((request, response) => {
    void json(request).then((batch) => {
      batches.push(batch as Batch);
      response.setHeader("content-type", "application/json").end("{}");
    });
  });
  await once(collector.listen(0, "127.0.0.1"), "listening");
  t.after(() => collector.close());
  const endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;

  const server = await startServer({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint });
  await server.call("read_note", { id: "how-to-run-the-load-test" }, `00-${TRACE}-${CALLER}-01`);
  await server.client.close();

  const [resource] = batches.flatMap((batch) => batch.resourceSpans);
  assert.deepEqual(
    resource?.resource.attributes.find(({ key }) => key === "service.name"),
    { key: "service.name", value: { stringValue: "notes" } },
  );
  // What the server reads on its own account is none of the caller's.
  const spans = resource.scopeSpans.flatMap((scope) => scope.spans).filter(({ traceId }) => traceId === TRACE);
  assert.deepEqual(
    spans.map(({ name, traceId, parentSpanId }) => ({ name, traceId, parentSpanId })),
    [{ name: "notes.read_file", traceId: TRACE, parentSpanId: CALLER }],
  );
});
