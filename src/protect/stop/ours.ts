/** What a workflow file has to do with Whetstone: nothing, it runs parts of it, or it is the switch that stops it. */
export type Belonging = "none" | "ours" | "switch";

/** A step or job that calls something; the name is quoted or not, a comment may follow. */
const USES = /^[ \t]*(?:-[ \t]+)?(?:[{][ \t]*)?["']?uses["']?[ \t]*:[ \t]*["']?([^"'\s#,}]+)/gm;
/** An action or a reusable workflow of a repository of this name, whoever owns it. */
const OURS = /^[\w.-]+\/whetstone(?:\/[^@]*)?@/i;
/** The same from within the repository itself. */
const LOCAL = /^(?:\.|\$)\/(?:actions\/|\.github\/workflows\/loop\.ya?ml)/;
const SWITCH = /\/actions\/stop(?:@|$)/;

/**
 * Tells by what a workflow calls. A comment or a text that only names Whetstone does not make it one of its workflows;
 * the workflow that stops everything is left running, or nobody could use it twice.
 */
export function belongingOf(workflow: string): Belonging {
  const called = [...workflow.matchAll(USES)].map(([, name = ""]) => name);
  const ours = called.filter((name) => OURS.test(name) || LOCAL.test(name));
  if (ours.some((name) => SWITCH.test(name))) return "switch";
  return ours.length > 0 ? "ours" : "none";
}
