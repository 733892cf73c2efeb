import type { Attributes, Scope } from "../../model/span.ts";
import { serviceOf } from "./decode.ts";
import { checkParts } from "./count.ts";
import { scopeFrom } from "./fields.ts";
import type { Message, Source } from "./message.ts";
import { RESOURCE, SCOPE } from "./metric-messages.ts";
import { attempt } from "./rejection.ts";

/** What the items of a group have in common. */
export type Shared = {
  readonly service: string;
  readonly resource: Attributes;
  readonly scope: Scope;
};

/** A level of a request: its message and the field that holds the next one. */
export type Level = readonly [message: Message, field: string];

/** A bad resource or scope costs the items below it. */
export type GroupVisitor<Node> = {
  /** Visits one message of the lowest level. */
  readonly visit: (node: Node, shared: Shared) => void;
  /** A message of the lowest level whose resource or scope cannot be read. */
  readonly refuse: (node: Node, error: unknown) => void;
  /** Counts one more message or group. @throws WhetstoneError `input_unreadable` beyond the limit */
  readonly count: () => void;
};

/** Counts parts of one request against the limit. */
export function partCounter(): () => void {
  let parts = 0;
  return () => checkParts((parts += 1));
}

/** Visits every item of a request with its resource and scope, whatever order the fields come in. */
export function visitGroups<Node>(
  source: Source<Node>,
  [request, resources, scopes]: readonly [Level, Level, Level],
  visitor: GroupVisitor<Node>,
): void {
  const { below } = source;
  for (const group of below(source.root, ...request)) {
    visitor.count();
    const resource = attempt(() => readResource(source, group, resources[0]));
    for (const scoped of below(group, ...resources)) {
      visitor.count();
      const shared = attempt(() => {
        if ("error" in resource) throw resource.error;
        return { ...resource.value, scope: readScope(source, scoped, scopes[0]) };
      });
      for (const item of below(scoped, ...scopes)) {
        visitor.count();
        if ("error" in shared) visitor.refuse(item, shared.error);
        else visitor.visit(item, shared.value);
      }
    }
  }
}

function readResource<Node>({ below, read }: Source<Node>, group: Node, message: Message): Omit<Shared, "scope"> {
  let resource: Attributes = {};
  // Several are merged, as protobuf merges a message that occurs twice.
  for (const node of below(group, message, "resource")) resource = { ...resource, ...read(node, RESOURCE).attributes };
  return { resource, service: serviceOf(resource) };
}

function readScope<Node>({ below, read }: Source<Node>, scoped: Node, message: Message): Scope {
  let [name, version] = ["", ""];
  let attributes: Attributes = {};
  for (const node of below(scoped, message, "scope")) {
    const scope = read(node, SCOPE);
    name = scope.name === "" ? name : scope.name;
    version = scope.version === "" ? version : scope.version;
    attributes = { ...attributes, ...scope.attributes };
  }
  return scopeFrom({ name, version, attributes });
}
