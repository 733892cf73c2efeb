import type { Authorization } from "../../model/authorization.ts";
import { EXIT } from "../../model/codes.ts";
import { WhetstoneError } from "../../model/error.ts";
import { revokeAuthorization } from "../../protect/authorization/grant.ts";
import { listAuthorizations, readAuthorization } from "../../protect/authorization/records.ts";
import { standingOf } from "../../protect/authorization/rules.ts";
import { systemClock } from "../../wire.ts";
import { describeAuthorization } from "../authorization-text.ts";
import type { CommonOptions } from "../command.ts";
import type { ListOptions, RevokeOptions } from "../commands/authorize.ts";
import { type Io, printJson } from "../io.ts";
import { assertReason } from "../reason-option.ts";
import { openCliProtection } from "../protection.ts";
import { oneLine, renderTable } from "../table.ts";

/** `whetstone authorize list`. */
export async function runListAuthorizations(options: ListOptions, io: Io): Promise<number> {
  const limit = Number(options.limit);
  if (!Number.isSafeInteger(limit) || limit < 1) {
    throw new WhetstoneError("usage", `--limit ${options.limit} is no number of records.`, {
      remedy: "Write 1 or more.",
    });
  }
  const { desk } = await openCliProtection(options, io);
  const all = await listAuthorizations(await desk.state.view());
  const shown = all.slice(-limit).map(withStanding);
  if (options.json) printJson(io, { authorizations: shown, total: all.length, returned: shown.length });
  else if (all.length === 0)
    io.out("Nobody has asked for anything. Ask with `whetstone authorize request OPERATION`.\n");
  else {
    const rows = shown.map(({ request, standing, grant }) => [
      request.id,
      standing,
      request.operation,
      request.target,
      request.risk.level,
      request.requestedBy.id,
      grant?.by.id ?? "",
      request.expiresAt,
    ]);
    io.out(renderTable(["id", "standing", "operation", "target", "risk", "asked by", "granted by", "until"], rows));
    io.out(
      `${shown.length} of ${all.length} authorizations${shown.length < all.length ? "; --limit shows more" : ""}.\n`,
    );
  }
  return EXIT.pass;
}

/** `whetstone authorize show`. */
export async function runShowAuthorization(id: string, options: CommonOptions, io: Io): Promise<number> {
  const { desk } = await openCliProtection(options, io);
  const found = await readAuthorization(await desk.state.view(), id);
  if (found === undefined) {
    throw new WhetstoneError("not_found", `There is no authorization ${id}.`, {
      remedy: "`whetstone authorize list` shows all.",
    });
  }
  const shown = withStanding(found);
  if (options.json) printJson(io, shown);
  else io.out(`${describeAuthorization(shown)}${actLines(found)}`);
  return EXIT.pass;
}

/** `whetstone authorize revoke`. */
export async function runRevokeAuthorization(id: string, options: RevokeOptions, io: Io): Promise<number> {
  assertReason(options.why);
  const { desk, actor } = await openCliProtection(options, io);
  const revoked = await revokeAuthorization(desk, { id, by: actor, why: options.why ?? null });
  if (options.json) printJson(io, withStanding(revoked));
  else io.out(`${revoked.request.id} is revoked: it cannot be granted or used any more.\n`);
  return EXIT.pass;
}

function withStanding(record: Authorization) {
  return { ...record, standing: standingOf(record, systemClock.now()) };
}

function actLines({ grant, use, revocation }: Authorization): string {
  const acts = [
    ["granted", grant && `by ${grant.by.id} at ${grant.at}, key ${grant.kid}`],
    ["used", use && `by ${use.by.type} ${use.by.id} at ${use.at}`],
    [
      "revoked",
      revocation && `by ${revocation.by.id} at ${revocation.at}${revocation.why ? `: ${revocation.why}` : ""}`,
    ],
  ] as const;
  return acts.map(([name, text]) => (text ? `${name.padEnd(11)}${oneLine(text)}\n` : "")).join("");
}
