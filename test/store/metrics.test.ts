import { describe, jest } from "@jest/globals";
import { postgresUrl } from "../support/postgres.ts";
import { inDatabase, inFiles, inMemory } from "./harness.ts";
import { metricContract } from "./metric-contract.ts";

const onServer = postgresUrl === undefined ? describe.skip : describe;

jest.setTimeout(120_000);

describe("metrics in memory", () => metricContract(inMemory, 60));
describe("metrics in SQLite", () => metricContract(inFiles, 30));
onServer("metrics in PostgreSQL", () => metricContract(() => inDatabase(postgresUrl ?? ""), 15));
