/** Programs that tests run with `node -e`. */

/** Sends one trace of two spans to where OpenTelemetry's variables point, by hand. */
export const SENDS_SPANS = `
const id = (n) => require("node:crypto").randomBytes(n).toString("hex");
const traceId = process.env.TRACE_ID ?? id(16);
const now = BigInt(Date.now()) * 1000000n;
const span = (spanId, parentSpanId, name) => ({ traceId, spanId, parentSpanId, name, kind: 2,
  startTimeUnixNano: String(now), endTimeUnixNano: String(now + 5000000n) });
const root = id(8);
const [, token] = process.env.OTEL_EXPORTER_OTLP_HEADERS.split("=");
const body = JSON.stringify({ resourceSpans: [{
  resource: { attributes: [{ key: "service.name", value: { stringValue: "shop" } }] },
  scopeSpans: [{ spans: [span(root, undefined, "checkout"), span(id(8), root, "pay")] }] }] });
const send = () => fetch(process.env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, { method: "POST", body,
  headers: { "content-type": "application/json", authorization: token } }).then((r) => console.log(r.status));
`;

/** Sends and ends. */
export const SENDS_AND_ENDS = `${SENDS_SPANS} send();`;

/** Ends at once, while a child of its group sends a moment later and then stays. */
export const CHILD_SENDS_LATER = `
const { spawn } = require("node:child_process");
const script = ${JSON.stringify(`${SENDS_SPANS} setTimeout(() => send().then(() => setInterval(() => 0, 1000)), 100);`)};
spawn(process.execPath, ["-e", script], { stdio: "ignore" }).unref();
`;

/** Leaves a process in a session of its own, writes its id to the file of the first argument, and hangs. */
export const FORKS_AND_HANGS = `
const { spawn } = require("node:child_process");
const stray = spawn(process.execPath, ["-e", "setInterval(() => 0, 1000)"], { detached: true, stdio: "inherit" });
process.on("SIGTERM", () => undefined);
require("node:fs").writeFileSync(process.argv[1], [process.pid, stray.pid].join(" "));
setInterval(() => 0, 1000);
`;
