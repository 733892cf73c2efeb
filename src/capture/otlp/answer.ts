import type { Encoding, Signal } from "./signal.ts";

/** What a receiver says of a request that it took: how many items it left out, and why. */
export type Partial = { readonly rejected: number; readonly message: string };

const REJECTED_FIELD: Readonly<Record<Signal, string>> = {
  traces: "rejectedSpans",
  metrics: "rejectedDataPoints",
  logs: "rejectedLogRecords",
};

/**
 * `Export…ServiceResponse` of opentelemetry-proto: empty for full success, else `partial_success` = 1 with the number
 * of rejected items = 1 and `error_message` = 2.
 */
export function successAnswer(signal: Signal, encoding: Encoding, { rejected, message }: Partial): Uint8Array {
  const isFull = rejected === 0 && message === "";
  if (encoding === "json") {
    const partialSuccess = { [REJECTED_FIELD[signal]]: String(rejected), errorMessage: message };
    return Buffer.from(JSON.stringify(isFull ? {} : { partialSuccess }));
  }
  return isFull ? new Uint8Array() : bytesField(1, Buffer.concat([varintField(1, rejected), textField(2, message)]));
}

/** `google.rpc.Status` with a message, as OTLP/HTTP asks for in answers that are no success. */
export function statusAnswer(encoding: Encoding, message: string): Uint8Array {
  return encoding === "json" ? Buffer.from(JSON.stringify({ message })) : textField(2, message);
}

/**
 * `google.rpc.Status` with a `RetryInfo`, for the trailer `grpc-status-details-bin`: OTLP/gRPC clients retry
 * RESOURCE_EXHAUSTED only when it is there.
 */
export function retryDetails(code: number, message: string, delaySeconds: number): Uint8Array {
  const retryInfo = bytesField(1, varintField(1, delaySeconds));
  const any = Buffer.concat([textField(1, "type.googleapis.com/google.rpc.RetryInfo"), bytesField(2, retryInfo)]);
  return Buffer.concat([varintField(1, code), textField(2, message), bytesField(3, any)]);
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return [...bytes, rest];
}

function varintField(field: number, value: number): Uint8Array {
  return value === 0 ? new Uint8Array() : Uint8Array.from([field * 8, ...varint(value)]);
}

function bytesField(field: number, bytes: Uint8Array): Uint8Array {
  return Buffer.concat([Uint8Array.from([field * 8 + 2, ...varint(bytes.length)]), bytes]);
}

function textField(field: number, text: string): Uint8Array {
  return text === "" ? new Uint8Array() : bytesField(field, Buffer.from(text));
}
