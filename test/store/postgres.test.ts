import { describe } from "@jest/globals";
import { postgresUrl } from "../support/postgres.ts";
import { storeContract } from "./contract.ts";
import { inDatabase } from "./harness.ts";

const onServer = postgresUrl === undefined ? describe.skip : describe;

onServer("PostgreSQL", () => storeContract(() => inDatabase(postgresUrl ?? ""), 40));
