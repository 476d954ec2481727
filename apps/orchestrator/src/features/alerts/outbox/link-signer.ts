import { createHmac, randomBytes } from 'node:crypto';
import { hashToken, timingSafeEqualText } from '@cortex-mqtt/secrets';
import type { DataSource, EntityManager } from 'typeorm';

const VALID_DAYS = 7;

export interface OpenLink {
  incident_id: number;
  channel_name: string;
}

/** Links in messages that acknowledge an incident once, without signing in. */
export interface LinkSigner {
  acknowledgeUrl(about: OpenLink): Promise<string>;
  /** What an unused link is for; null when it is forged, used or too old. */
  read(manager: EntityManager, token: string): Promise<OpenLink | null>;
  /** As `read`, and uses it up: of two at once one gets it. */
  redeem(manager: EntityManager, token: string): Promise<OpenLink | null>;
}

/**
 * A token is a random number and its signature, so that a guess never reaches the database; what is stored is its hash, so
 * that a copy of the database opens nothing.
 */
export function createLinkSigner(deps: { dataSource: DataSource; key: Buffer; console_url: string }): LinkSigner {
  const signatureOf = (nonce: string): string =>
    createHmac('sha256', deps.key).update(`acknowledge ${nonce}`).digest('base64url');
  const isSigned = (token: string): boolean => {
    const [nonce = '', signature = ''] = token.split('.');
    return timingSafeEqualText(signature, signatureOf(nonce));
  };
  return {
    async acknowledgeUrl({ incident_id, channel_name }) {
      const nonce = randomBytes(24).toString('base64url');
      const token = `${nonce}.${signatureOf(nonce)}`;
      await deps.dataSource.query(
        `INSERT INTO alert_links (token_hash, incident_id, channel_name, expires_at)
         VALUES (decode($1, 'hex'), $2, $3, now() + make_interval(days => $4))`,
        [hashToken(token), incident_id, channel_name, VALID_DAYS],
      );
      return `${deps.console_url}/api/v1/incident-links/${token}`;
    },
    async read(manager, token) {
      if (!isSigned(token)) return null;
      const [row] = await manager.query<OpenLink[]>(
        `SELECT incident_id, channel_name FROM alert_links
         WHERE token_hash = decode($1, 'hex') AND used_at IS NULL AND expires_at > now()`,
        [hashToken(token)],
      );
      return row ?? null;
    },
    async redeem(manager, token) {
      if (!isSigned(token)) return null;
      const [rows] = await manager.query<[OpenLink[], number]>(
        `UPDATE alert_links SET used_at = now()
         WHERE token_hash = decode($1, 'hex') AND used_at IS NULL AND expires_at > now() RETURNING incident_id, channel_name`,
        [hashToken(token)],
      );
      return rows[0] ?? null;
    },
  };
}
