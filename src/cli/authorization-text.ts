import type { AuthorizationRequest, AuthorizationStanding, Subject } from "../model/authorization.ts";
import { oneLine } from "./table.ts";

/** A request as lines for people who decide about it. */
export function describeAuthorization(shown: {
  readonly request: AuthorizationRequest;
  readonly standing: AuthorizationStanding;
}): string {
  const { request, standing } = shown;
  const { impact, risk } = request;
  const rows: readonly (readonly [string, string])[] = [
    ["id", request.id],
    ["standing", standing],
    ["operation", `${request.operation} of ${request.target}`],
    ["exactly", describeSubject(request.subject)],
    ["impact", impact.summary],
    ["affects", impact.affects.join(", ")],
    ["undone by", impact.rollback ?? "nothing: it cannot be undone"],
    ["risk", `${risk.level}: ${risk.reasons.join(" ")}`],
    ["needs", `a person with the role ${request.role}`],
    ["asked by", `${request.requestedBy.type} ${request.requestedBy.id} at ${request.requestedAt}`],
    ...(request.author === null ? [] : [["written by", request.author] as const]),
    ["until", request.expiresAt],
  ];
  return rows.map(([name, value]) => `${name.padEnd(11)}${oneLine(value)}\n`).join("");
}

function describeSubject(subject: Subject): string {
  switch (subject.kind) {
    case "change":
      return `the change with SHA-256 ${subject.digest}`;
    case "base":
      return `the target at commit ${subject.baseSha}`;
    case "state":
      return `the state with SHA-256 ${subject.digest}`;
  }
}
