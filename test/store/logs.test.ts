import { describe, jest } from "@jest/globals";
import { postgresUrl } from "../support/postgres.ts";
import { inDatabase, inFiles, inMemory } from "./harness.ts";
import { logContract } from "./log-contract.ts";

const onServer = postgresUrl === undefined ? describe.skip : describe;

jest.setTimeout(120_000);

describe("logs in memory", () => logContract(inMemory, 100));
describe("logs in SQLite", () => logContract(inFiles, 30));
onServer("logs in PostgreSQL", () => logContract(() => inDatabase(postgresUrl ?? ""), 15));
