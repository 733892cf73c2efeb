/** The part on the store. */
const STORE = `# What Whetstone takes care of in this repository. Paths are relative to its root.
version: 1

# Where spans are kept: a file (SQLite), or a postgres:// URL.
db: .whetstone/whetstone.db

# What \`whetstone retain\` keeps of it.
retention:
  traces: 30d # traces without an error
  errors: 90d # traces with one
  rollups: 90d # counts and durations per minute and operation
  metrics: 30d # metric points
  logs: 30d # log records
  # size: 10GB # most space it may use; the oldest go first

# What Claude Code sessions may cost, US dollars and tokens; see \`whetstone budget show\`.
budgets:
  session: { usd: 2, tokens: 3000000 } # one session
  day: { usd: 10, tokens: 15000000 } # all of a day (UTC)
  target: { usd: 5, tokens: 8000000 } # all of a day on one target

# Who answers in sessions, and what ends one that its budget has not ended.
# session:
#   model: claude-opus-5-5 # full id; an alias may move
#   maxTurns: 40 # requests to the model
#   timeoutSeconds: 900
#   sandbox: if-possible # Linux namespaces: if-possible, required, off

# A second model that reviews proposals before anything of them is applied; it needs ANTHROPIC_API_KEY.
# review:
#   model: claude-sonnet-5-5

# How learned rules are tried, see \`whetstone learn\`.
# learning:
#   heldAfterDays: 14 # a promoted change whose effect is still there then counts as held
#   cooldownAfter: 3 # so many stopped changes in a row for a kind of finding,
#   cooldownHours: 24 # and no session works on it for so long

# What the GitHub App may start and take back by itself (\`whetstone serve\`); read from the default branch.
# app:
#   approval: { starts: nothing } # nothing, staging, canary
#   gate: { windowMinutes: 10, deadlineMinutes: 1440, minimumCalls: 20 }
#   rollback: { mode: propose } # propose, automatic`;

/** Text of a commented `whetstone.yaml` for one target. Pure. */
export function configTemplate(target: { readonly name: string; readonly command: string }): string {
  return `${STORE}

${PROTECTION}
targets:
  ${target.name}:
    # How the MCP server starts, on stdio.
    command: ${JSON.stringify(target.command)}

    # The only files that a proposal may change.
    source:
      - "src/**"

    # Recorded tool calls: what the server is measured with, before and after a change.
    workload: .whetstone-workload.json

    # Commands that must succeed on the changed code.
    checks:
      - name: tests
        run: npm test
        timeoutSeconds: 300

    # Run once in each fresh worktree, when the server needs more than what is committed.
    # prepare: npm ci

    # env:
    #   NOTES_DIR: data

    # What is kept of arguments and results; none unless \`--capture-content\` or \`content: true\` asks for it.
    # capture:
    #   content: true
    #   redact:
    #     keys: [customer_id] # besides password, token, cookie and the like
    #     patterns: ["CUST-[0-9]{4,12}"]
    #     paths: [/customer/*/iban]
    #   maxBytes: 8KiB

    replay:
      rounds: 2 # how often both versions play the workload
      slowdown: 0.5 # a tool may become slower by this share before the change is refused

    canary:
      weight: 0.5 # share of client sessions that go to the canary
      alpha: 0.05 # greatest probability of a false rollback
      beta: 0.05 # greatest probability of a false promotion
      margin: 2 # largest accepted ratio of bad events
      slowMs: 100 # calls faster than this never count as slow
      maxErrorRate: 0.02 # a canary below this share of errors is good enough
      maxSlowRate: 0.05 # and below this share of slow calls
      concurrency: 8 # calls of one session in flight at once
      minimumSessions: 5 # per arm, before the judge is asked
      maxSessions: 120 # an undecided canary ends after so many

    # slos: # what \`whetstone slo status\` watches
    #   - { name: fast, sli: latency, threshold: 500ms, objective: 95, window: 30d }

    limits:
      files: 10
      lines: 600
      bytes: 65536
    # Classes of files that are blocked unless named here, and only within \`source\`: blocked, request-review, allowed.
    # protected: { documents: request-review }
    # executable: ["bin/**"] # where a proposal may make files executable
    # binary: ["docs/img/**"] # where content may be binary, such as images
`;
}

const PROTECTION = `# Who may permit what is protected (\`whetstone authorize\`). While nobody is named, the person at the command line.
# protection:
#   twoPerson: true # nobody grants what he asked for or wrote
#   expiryMinutes: 30
#   roles:
#     operator: [carol]
#     maintainer: [bob]
#     admin: [alice]
`;
