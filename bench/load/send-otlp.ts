import { Agent, request } from "node:http";
import { gzipSync } from "node:zlib";
import { Client, credentials } from "@grpc/grpc-js";
import { otlpRequests } from "./otlp.ts";

// A child process that sends requests: `send-otlp.ts protobuf|gzip|grpc ADDRESS SPANS PART`. Says `ready` when all are
// encoded, starts at a line on its input, and says how many were answered as taken and in how many ms.
const [mode = "protobuf", address = "", spans = "0", part = "0"] = process.argv.slice(2);
/** Requests under way at once. */
const CONNECTIONS = 8;

const plain = otlpRequests(Number(spans), Number(part));
const bodies = mode === "gzip" ? plain.map((body) => gzipSync(body)) : plain;
const send = mode === "grpc" ? grpcSender() : httpSender();

process.send?.("ready");
process.once("message", () => void run());

async function run(): Promise<void> {
  const begun = performance.now();
  const queue = bodies.values();
  let taken = 0;
  const worker = async (): Promise<void> => {
    for (const body of queue) if (await send(body)) taken += 1;
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, worker));
  process.send?.({ taken, requests: bodies.length, ms: performance.now() - begun });
  process.disconnect();
  process.exit();
}

function httpSender(): (body: Uint8Array) => Promise<boolean> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const headers = {
    "content-type": "application/x-protobuf",
    ...(mode === "gzip" && { "content-encoding": "gzip" }),
  };
  return (body) =>
    new Promise((resolve, reject) => {
      const options = { method: "POST", agent, headers: { ...headers, "content-length": body.length } };
      const sent = request(`${address}/v1/traces`, options, (response) => {
        response.resume().once("end", () => resolve(response.statusCode === 200));
      });
      sent.once("error", reject).end(body);
    });
}

function grpcSender(): (body: Uint8Array) => Promise<boolean> {
  const client = new Client(new URL(address).host, credentials.createInsecure());
  const path = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
  const bytes = (value: Buffer): Buffer => value;
  return (body) =>
    new Promise((resolve) => {
      client.makeUnaryRequest(path, bytes, bytes, Buffer.from(body), (error) => resolve(error === null));
    });
}
