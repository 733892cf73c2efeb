import type { Answer, Incoming } from "./github.ts";

type Run = { id: number; output: { annotations_count: number } };

/**
 * Annotations of check runs as GitHub keeps them: those of a further request are added to what is there, at most 50 in
 * one. The emulator replaces them and knows no limit.
 */
export function annotationBook(
  forward: (request: Incoming) => Promise<Answer>,
): (request: Incoming) => Promise<Answer> | undefined {
  const kept = new Map<number, unknown[]>();
  const counted = (run: Run): Run => ({
    ...run,
    output: { ...run.output, annotations_count: kept.get(run.id)?.length ?? 0 },
  });
  const write = async (request: Incoming): Promise<Answer> => {
    const body = Object(request.body) as { output?: { annotations?: unknown[] } };
    const { annotations = [], ...output } = body.output ?? {};
    if (annotations.length > 50)
      return { status: 422, body: { message: "Invalid request. No more than 50 items are allowed" } };
    const answer = await forward({ ...request, body: { ...body, ...(body.output === undefined ? {} : { output }) } });
    if (answer.status >= 300) return answer;
    const run = answer.body as Run;
    kept.set(run.id, [...(kept.get(run.id) ?? []), ...annotations]);
    return { ...answer, body: counted(run) };
  };
  const list = async (request: Incoming): Promise<Answer> => {
    const answer = await forward(request);
    const runs = Reflect.get(Object(answer.body), "check_runs") as Run[] | undefined;
    return runs === undefined ? answer : { ...answer, body: { ...Object(answer.body), check_runs: runs.map(counted) } };
  };
  return (request) => {
    const { method, path } = request;
    const shown = /\/check-runs\/(\d+)\/annotations$/.exec(path)?.[1];
    if (shown !== undefined) return Promise.resolve({ status: 200, body: kept.get(Number(shown)) ?? [] });
    if (method !== "GET" && /\/check-runs(?:\/\d+)?$/.test(path)) return write(request);
    return method === "GET" && /\/commits\/.+\/check-runs$/.test(path) ? list(request) : undefined;
  };
}
