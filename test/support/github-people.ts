import type { Answer, Incoming } from "./github.ts";

type Request = Omit<Incoming, "headers">;

/** People of the repository: what they may do, what they do themselves, and how comments were reacted to. */
export type People = {
  /** Permissions by user name, `gone` for an account that is no more; those who are absent have the emulator's. */
  readonly permissions: Map<string, string>;
  /** `ID CONTENT` of every reaction to a comment, each once, oldest first. */
  readonly reactions: readonly string[];
  /** Sends a request as one of the seeded people. */
  readonly as: (
    login: "ada" | "grace" | "mallory",
  ) => (method: string, path: string, body?: unknown) => Promise<Record<string, unknown>>;
  /** Undefined for what the emulator answers. */
  readonly answer: (request: Request) => Answer | undefined;
};

/** Keeps the book over people; `send` reaches the emulator with a token. */
export function peopleBook(repository: string, send: (token: string, request: Request) => Promise<Answer>): People {
  const permissions = new Map<string, string>();
  const reactions: string[] = [];
  return {
    permissions,
    reactions,
    as: (login) => async (method, path, body) => {
      const token = `ghs_${login}`;
      const request = { method, path: `${repository}/${path}`, query: new URLSearchParams(), body };
      const answer = await send(token, request);
      if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
      return answer.body as Record<string, unknown>;
    },
    answer: ({ method, path, body }) => {
      const login = /\/collaborators\/([^/]+)\/permission$/.exec(path)?.[1];
      const permission = login === undefined ? undefined : permissions.get(login);
      if (method === "GET" && permission === "gone") return { status: 404, body: { message: "Not Found" } };
      if (method === "GET" && permission !== undefined) return { status: 200, body: permissionOf(permission, login) };
      const comment = /\/issues\/comments\/(\d+)\/reactions$/.exec(path)?.[1];
      if (method !== "POST" || comment === undefined) return undefined;
      const content = String(Reflect.get(Object(body), "content"));
      const known = reactions.indexOf(`${comment} ${content}`);
      if (known === -1) reactions.push(`${comment} ${content}`);
      return { status: known === -1 ? 201 : 200, body: { id: known === -1 ? reactions.length : known + 1, content } };
    },
  };
}

/** GitHub's older field knows four words; `role_name` says it exactly. */
function permissionOf(role: string, login: string | undefined): Record<string, unknown> {
  const older: Readonly<Record<string, string>> = { maintain: "write", triage: "read" };
  return { permission: older[role] ?? role, role_name: role, user: { login } };
}
