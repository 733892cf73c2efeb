import { serviceOf } from "./decode.ts";
import { checkParts } from "./count.ts";
import { decodeSpan, readResource, readScope, type Shared } from "./protobuf-span.ts";
import { attempt, decodedSpans, type Decoded } from "./rejection.ts";
import { partsOf, wireOf, type Part, type Wire } from "./wire.ts";

type Request = { readonly wire: Wire; readonly decoded: ReturnType<typeof decodedSpans>; parts: number };

/** Number 1 or 2 and wire type "length": where each message keeps the messages below it. */
const RESOURCE_SPANS = 0x0a;
const BELOW = 0x12;

/**
 * OTLP protobuf traces (`ExportTraceServiceRequest` of opentelemetry-proto 1.x) to spans, equal to what the JSON decoder
 * makes of the same request. Unknown fields and groups are passed over. A bad span is counted under its reason and costs
 * none of its neighbours; a bad resource or scope costs the spans below it.
 * @throws WhetstoneError `input_unreadable` when the messages around the spans are malformed, or more than the limits
 * (`limits.ts`) allow
 */
export function decodeOtlpProtobuf(body: Uint8Array): Decoded {
  const request: Request = { wire: wireOf(body), decoded: decodedSpans(), parts: 0 };
  for (const group of partsOf(request.wire, { from: 0, to: body.byteLength }, RESOURCE_SPANS)) {
    checkParts((request.parts += 1));
    decodeGroup(request, group);
  }
  return request.decoded.result();
}

/** `ResourceSpans`: resource = 1, scope_spans = 2. Fields come in any order, so the resource is looked for first. */
function decodeGroup(request: Request, group: Part): void {
  const resource = attempt(() => readResource(request.wire, group));
  for (const scoped of partsOf(request.wire, group, BELOW)) {
    checkParts((request.parts += 1));
    if ("error" in resource) refuseSpans(request, scoped, resource.error);
    else decodeScoped(request, scoped, { resource: resource.value, service: serviceOf(resource.value) });
  }
}

/** `ScopeSpans`: scope = 1, spans = 2. */
function decodeScoped(request: Request, scoped: Part, resource: Omit<Shared, "scope">): void {
  const { wire, decoded } = request;
  const scope = attempt(() => readScope(wire, scoped));
  if ("error" in scope) return refuseSpans(request, scoped, scope.error);
  const shared: Shared = { ...resource, scope: scope.value };
  for (const span of partsOf(wire, scoped, BELOW)) {
    checkParts((request.parts += 1));
    decoded.attempt(() => decodeSpan(wire, span.to, shared));
  }
}

function refuseSpans(request: Request, scoped: Part, error: unknown): void {
  for (const _span of partsOf(request.wire, scoped, BELOW)) {
    checkParts((request.parts += 1));
    request.decoded.refuse(error, 1);
  }
}
