import type { OctokitResponse, EndpointDefaults } from "@octokit/types";

type Answer = OctokitResponse<unknown>;
type Send = (options: Required<EndpointDefaults>) => Answer | Promise<Answer>;

/** Objects of git never change and may be large: whoever needs one twice keeps it. */
const UNCHANGING = /\/git\/(?:blobs|trees|commits)\//;
/** Archives are large too, and are fetched once. */
const ARCHIVE = /\/(?:zip|\{archive_format\})$/;
/** Answers that are kept; the one that was not used for longest goes first. */
const MOST_KEPT = 200;

/**
 * A wrapper of requests that keeps answers with their `ETag` and asks GitHub whether they still hold: an answer of 304
 * costs nothing of the request quota. Kept per client, so per token: nobody gets what another one may see.
 */
export function conditionalRequests(): (send: Send, options: Required<EndpointDefaults>) => Promise<Answer> {
  const kept = new Map<string, { readonly etag: string; readonly answer: Answer }>();
  return async (send, options) => {
    if (options.method !== "GET" || UNCHANGING.test(options.url) || ARCHIVE.test(options.url))
      return await send(options);
    const { method: _method, baseUrl, url, headers: _headers, request: _request, mediaType: _type, ...rest } = options;
    const key = `${baseUrl} ${url} ${JSON.stringify(rest)}`;
    const known = kept.get(key);
    // In place: wrappers between this one and the request hold on to the same object, and to no copy of it.
    if (known !== undefined) options.headers = { ...options.headers, "if-none-match": known.etag };
    try {
      const answer = await send(options);
      kept.delete(key);
      const { etag } = answer.headers;
      if (etag !== undefined) kept.set(key, { etag, answer });
      for (const oldest of kept.keys()) if (kept.size > MOST_KEPT) kept.delete(oldest);
      return answer;
    } catch (error) {
      if (known === undefined || Reflect.get(Object(error), "status") !== 304) throw error;
      kept.delete(key);
      kept.set(key, known);
      return known.answer;
    }
  };
}
