const CALLBACK = /\/actions\/runs\/([1-9]\d{0,15})\/deployment_protection_rule$/;

/**
 * The id of the run that a callback address of GitHub names; undefined for another form. The address itself is never
 * asked: {@link isCallbackOf} says whether it is the one that this App would have come to by itself.
 */
export function callbackRun(address: string): number | undefined {
  const id = CALLBACK.exec(address)?.[1];
  return id === undefined ? undefined : Number(id);
}

/**
 * Whether an address is the one at which a run's gate is answered: sign for sign the run's own address, as this client
 * asked for it, and the name of the call. Another host, port, protocol, user, repository or way of writing it is none.
 */
export function isCallbackOf(address: string, runAddress: string | undefined): boolean {
  return runAddress !== undefined && address === `${runAddress}/deployment_protection_rule`;
}
