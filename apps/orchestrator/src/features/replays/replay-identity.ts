import { createHash } from 'node:crypto';

/** An identity that destinations have not seen, and that is the same whenever this replay comes to the message. */
export const newIdentity = (original: string, replay_id: string): string =>
  `m_${createHash('sha256').update(`${original}\n${replay_id}`).digest('base64url').slice(0, 32)}`;
