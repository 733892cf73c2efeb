/** Exit codes of the CLI: pass, fail, usage, inconclusive (INTERFACES, head). */
export const EXIT = { pass: 0, fail: 1, usage: 2, inconclusive: 3 } as const;

/**
 * Every error code: the exit code it maps to (2 = usage, configuration or unreadable input; 1 = failed while working)
 * and one line that says when it is raised.
 */
export const ERROR_CODES = {
  usage: { exit: 2, doc: "A flag or argument is missing, unknown or malformed." },
  config_missing: { exit: 2, doc: "The configuration file does not exist where it was looked for." },
  config_invalid: { exit: 2, doc: "The configuration file is not YAML, or a key or value in it is not allowed." },
  target_unknown: { exit: 2, doc: "No target of that name is configured." },
  input_unreadable: { exit: 2, doc: "An input file is missing, truncated or not of the stated format." },
  not_found: { exit: 2, doc: "The named trace, dossier, proposal or record does not exist." },
  not_a_repository: { exit: 2, doc: "The folder is not inside a git repository, or the repository has no commit." },
  worktree_dirty: { exit: 2, doc: "Tracked files differ from the commit that would be measured." },
  session_invalid: { exit: 2, doc: "A recorded session file is unreadable, truncated or of another schema." },
  spec_invalid: { exit: 2, doc: "A trace specification cannot be read: YAML, key, value, selector or pattern." },
  workload_invalid: { exit: 2, doc: "A workload file is unreadable or names a tool that the server does not offer." },
  stopped: { exit: 1, doc: "The kill switch is set; nothing was started." },
  unauthorized: { exit: 1, doc: "A protected operation was refused; data.reason is the reason code." },
  key_refused: {
    exit: 2,
    doc: "A private signing key is missing, damaged, or kept where others than its owner can read it.",
  },
  git_failed: { exit: 1, doc: "A git command failed; data holds its arguments and stderr." },
  api_failed: {
    exit: 1,
    doc: "A service such as GitHub refused a request, failed or could not be reached; data holds status and route.",
  },
  state_foreign: {
    exit: 2,
    doc: "The branch of the state is somebody else's; it is neither read as the state nor written.",
  },
  ref_moved: { exit: 1, doc: "A branch moved while it was being written, more often than the retries allow." },
  prepare_failed: { exit: 1, doc: "The target's prepare command failed on the unchanged code." },
  server_start_failed: { exit: 1, doc: "The MCP server could not be started or did not answer initialize in time." },
  server_died: { exit: 1, doc: "The MCP server ended while calls were in flight." },
  store_open_failed: { exit: 2, doc: "The span store could not be opened or is of a newer schema." },
  store_write_failed: { exit: 1, doc: "The span store could not be written, for example because the disk is full." },
  store_read_failed: { exit: 1, doc: "The span store could not be read, for example because the file is damaged." },
  conflict: { exit: 1, doc: "Another writer was faster: what was to be replaced is not what was read." },
  write_failed: { exit: 1, doc: "A file could not be written; nothing half-written is left." },
  ledger_broken: { exit: 1, doc: "The ledger's hash chain does not verify; data names the first bad record." },
  dossier_mismatch: {
    exit: 1,
    doc: "A dossier's file differs from its manifest, or a verdict recomputes differently.",
  },
  package_refused: { exit: 1, doc: "A program that was fetched or named is not the pinned one, or does not run here." },
  session_failed: { exit: 1, doc: "A session ended without an answer that can be used; data.outcome says how." },
  timeout: { exit: 1, doc: "Something took longer than its limit and was ended." },
  interrupted: { exit: 1, doc: "The run was interrupted by a signal; what it held was released." },
  defect: { exit: 1, doc: "A bug in Whetstone: an invariant of its own did not hold." },
} as const satisfies Record<string, { exit: 1 | 2; doc: string }>;

/** A member of the closed set {@link ERROR_CODES}. */
export type ErrorCode = keyof typeof ERROR_CODES;

/**
 * Every reason code that a verdict or a ledger record may carry, with one line each.
 * The set is closed: a verdict without one of these does not parse.
 */
export const REASON_CODES = {
  ok: "The stage did what it should and found nothing against going on.",
  disabled: "The kill switch is set.",
  authorization_missing: "The operation is protected, and no authorization was shown for it.",
  authorization_unknown: "No authorization of that id is on record in this repository.",
  authorization_not_granted: "The authorization was requested, but nobody has granted it.",
  authorization_decided: "The authorization was granted, used or revoked before, so it cannot be decided again.",
  authorization_reused: "An authorization of that id is on record already.",
  authorization_expired: "The authorization's time is over.",
  authorization_early: "The authorization was granted later than this machine's clock says it is.",
  authorization_used: "The authorization was used before; each permits one act.",
  authorization_revoked: "The authorization was revoked.",
  authorization_repository: "The authorization is for another repository.",
  authorization_operation: "The authorization is for another operation.",
  authorization_target: "The authorization is for another target.",
  authorization_actor: "The authorization was given to somebody else.",
  authorization_altered: "The token differs from what was granted.",
  token_malformed: "The token is truncated, altered in form or of another version.",
  token_signature: "The token's signature does not hold.",
  key_unknown: "The token was signed with a key that this repository does not know.",
  key_retired: "The token was signed with a key that was rotated away or revoked since.",
  role_missing: "The person does not have the role that the operation needs.",
  person_needed: "Only a person can grant an authorization.",
  two_person: "The author of a change cannot grant its authorization while the two-person rule is on.",
  duplicate_open: "A proposal with the same fingerprint is already open.",
  fingerprint_rejected: "A proposal with the same fingerprint was rejected before and nothing new speaks for it.",
  evidence_insufficient: "The telemetry holds too few calls to support a finding.",
  no_finding: "The telemetry was analysed and nothing worth a change was found.",
  agent_no_change: "The session ended without a proposal.",
  agent_partial: "The session was cut off by a limit; its answer is partial.",
  patch_empty: "The patch changes nothing.",
  patch_unparseable: "The patch is not a unified diff that both parsers read alike.",
  patch_does_not_apply: "The patch does not apply to the base commit.",
  path_forbidden: "The patch touches a path outside the target's source paths, or a protected one.",
  path_collision: "Two names of the patch, or one of it and one of the base, are the same file on some file systems.",
  mode_forbidden: "The patch creates a symbolic link, a submodule or a forbidden file mode.",
  binary_forbidden: "The patch changes binary content where the target does not allow it.",
  merge_forbidden: "A bundle holds a merge, or a commit that does not follow from the base in one line.",
  bundle_unreadable: "A bundle or its pack is damaged, or not of the form that git writes.",
  views_disagree: "Our reading of the change, git's reading and the tree it led to are not the same.",
  base_missing: "The base commit is not in the repository.",
  size_exceeded: "The patch is larger than the limit.",
  secret_found: "The patch contains what looks like a secret.",
  base_moved: "The base branch moved since the proposal was validated.",
  digest_mismatch: "A digest differs from the one that was recorded.",
  check_failed: "One of the target's own checks failed on the changed code.",
  replay_result_changed: "A recorded call returned another result than before.",
  replay_new_error: "A recorded call that succeeded before failed on the changed code.",
  replay_slower: "Recorded calls became slower beyond the accepted margin.",
  replay_insufficient: "Too few recorded calls could be replayed for a judgement.",
  hypothesis_met: "The hypothesised effect was measured and its interval excludes no effect.",
  hypothesis_not_met: "The hypothesised effect was not measured: its interval includes no effect.",
  server_failed: "The server of one arm could not be started or died.",
  verdict_missing: "A stage that had to give a verdict gave none.",
  errors_increased: "Bad events in the canary exceed the baseline beyond the stated error rate.",
  latency_increased: "Calls in the canary are slower than in the baseline beyond the stated error rate.",
  errors_within_margin: "Bad events in the canary exclude the margin of harm at the stated error rate.",
  latency_within_margin: "Latency in the canary excludes the margin of harm at the stated error rate.",
  latency_regressed: "Calls of the candidate traces are slower than those of the baseline traces beyond the tolerance.",
  errors_regressed:
    "Calls of the candidate traces fail more often than those of the baseline traces beyond the tolerance.",
  calls_regressed: "The candidate traces make more calls than the baseline traces beyond the tolerance.",
  structure_changed: "Which operation calls which, how often or in which order changed between two sets of traces.",
  slo_missed: "More calls of the period were bad than the objective allows: its error budget is spent.",
  slo_burning: "The error budget goes so fast that it would be spent long before the period ends.",
  no_canary_traffic: "The canary received no call.",
  no_baseline_traffic: "The baseline received no call.",
  below_minimum_exposure: "Too few calls in one arm for any decision.",
  undecided: "The data so far support neither promotion nor rollback.",
  deadline_reached: "The horizon ended without a decision.",
  stale_data: "One arm has had no call for too long for a promotion.",
  operation_unmatched: "An operation was called often in one arm and never in the other, so it cannot be compared.",
  invalid_data: "Records were unusable (missing or negative durations, unreadable times) and were left out or refused.",
  recorded: "The outcome was written to the ledger.",
  candidate_learned: "A pattern over outcomes became a candidate rule.",
  nothing_learned: "The outcomes so far support no new rule.",
  run_failed: "The run ended with an error before it had an outcome; nothing of it is in force.",
  recovered: "Something an interrupted run left behind was removed.",
  stage_skipped: "An earlier stage ended the flow, so this one did not run.",
  dry_run: "The run was asked to write nothing.",
  analysis_only: "The run was asked to look only; what it found is in its findings.",
  api_error: "A service answered with an error.",
} as const satisfies Record<string, string>;

/** A member of the closed set {@link REASON_CODES}. */
export type ReasonCode = keyof typeof REASON_CODES;

/** All reason codes as a list, for schemas. */
export const REASON_CODE_LIST = Object.keys(REASON_CODES) as [ReasonCode, ...ReasonCode[]];
