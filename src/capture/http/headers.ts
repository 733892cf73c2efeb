/** Header lines as Node's `rawHeaders` has them: names and values in turn, in the order and spelling of the sender. */
export type RawHeaders = readonly string[];

/**
 * Headers of one connection, which no intermediary passes on (RFC 9110, 7.6.1), and `Expect`, which the side that
 * reads the body answers.
 */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "connection",
  "expect",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** Headers that the MCP transport defines, in lower case. */
export const MCP_HEADERS = {
  session: "mcp-session-id",
  version: "mcp-protocol-version",
  method: "mcp-method",
  name: "mcp-name",
} as const;

/**
 * The headers that go on to the other side: without those of the connection, those that `Connection` names, and those
 * of `except` (lower case). Spelling, order and repetitions stay.
 */
export function endToEnd(raw: RawHeaders, except: readonly string[] = []): string[] {
  const pairs = pairsOf(raw);
  const named = pairs.filter(([name]) => name === "connection").flatMap(([, , value]) => value.split(","));
  const dropped = new Set([...named.map((name) => name.trim().toLowerCase()), ...except]);
  return pairs
    .filter(([name]) => !HOP_BY_HOP.has(name) && !dropped.has(name))
    .flatMap(([, spelled, value]) => [spelled, value]);
}

/** Headers of a request as it goes to the upstream. `bodyBytes`: its length when the proxy knows it. */
export function upstreamHeaders(raw: RawHeaders, target: { host: string; bodyBytes?: number | undefined }): string[] {
  const { host, bodyBytes } = target;
  if (bodyBytes !== undefined) {
    return ["Host", host, ...endToEnd(raw, ["host", "content-length"]), "Content-Length", String(bodyBytes)];
  }
  const isChunked = pairsOf(raw).some(([name]) => name === "transfer-encoding");
  return ["Host", host, ...endToEnd(raw, ["host"]), ...(isChunked ? ["Transfer-Encoding", "chunked"] : [])];
}

/** What `Content-Type` names, without parameters, in lower case. */
export function mediaType(contentType: string | undefined): string {
  return (contentType ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
}

/** A header value that may be wrapped as `=?base64?…?=` (MCP 2026-07-28, header encoding). */
export function decodedHeader(value: string): string {
  const wrapped = /^=\?base64\?([A-Za-z0-9+/=]*)\?=$/.exec(value)?.[1];
  return wrapped === undefined ? value : Buffer.from(wrapped, "base64").toString("utf8");
}

/** Lower-case name, name as spelled, value. */
function pairsOf(raw: RawHeaders): readonly (readonly [string, string, string])[] {
  const pairs: [string, string, string][] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = raw[at] ?? "";
    pairs.push([name.toLowerCase(), name, raw[at + 1] ?? ""]);
  }
  return pairs;
}
