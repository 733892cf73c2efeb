import type { AppMetrics } from "./metrics.ts";
import type { AppService } from "./service.ts";
import type { WebhookHandler } from "./server.ts";

/** Deliveries over HTTP; the time to each answer is measured. `monotonicMs` only ever grows. */
export function webhookHandler(
  { receive, metrics }: Pick<AppService, "receive"> & { readonly metrics: Pick<AppMetrics, "observe"> },
  monotonicMs: () => number,
): WebhookHandler {
  return async (request, response, body) => {
    const begun = monotonicMs();
    if (request.method !== "POST") {
      response.writeHead(405, { Allow: "POST", "Content-Type": "text/plain; charset=utf-8" }).end("Use POST.\n");
      return;
    }
    const header = (name: string): string | undefined => {
      const value = request.headers[name];
      return typeof value === "string" ? value : undefined;
    };
    const { status, text } = await receive({ header, body });
    response.writeHead(status, { "Content-Type": "text/plain; charset=utf-8" }).end(`${text}\n`);
    metrics.observe("whetstone_app_ack_seconds", (monotonicMs() - begun) / 1_000);
  };
}
