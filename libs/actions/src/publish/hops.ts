import type { MessageEnvelope } from '@cortex-mqtt/contracts';
import { ActionFault } from '../action-fault';

/** User property that counts how often a message has been published by an action of ours. */
export const HOPS_PROPERTY = 'cortex-hops';
/** A message that has come this far goes round in circles. */
export const MAX_HOPS = 8;

/** The count that what is made of a message is published with. Throws ActionFault where it goes round in circles. */
export function nextHops({ user_properties }: MessageEnvelope): number {
  const value = user_properties[HOPS_PROPERTY];
  const told = Number(Array.isArray(value) ? value.at(-1) : value);
  const hops = (Number.isInteger(told) && told > 0 ? told : 0) + 1;
  if (hops > MAX_HOPS) throw hopLimit();
  return hops;
}

export const hopLimit = (): ActionFault =>
  new ActionFault(`the message has been published ${MAX_HOPS} times by actions already: it goes round in circles`, {
    permanent: true,
    detail: { code: 'HOP_LIMIT' },
  });
