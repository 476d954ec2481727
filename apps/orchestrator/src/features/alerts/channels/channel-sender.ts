import { type ActionFault, createBreakers, toActionFault } from '@cortex-mqtt/actions';
import { createRedactor } from '@cortex-mqtt/observability';
import type { SecretBox } from '../../secrets/secret-box';
import type { AlertChannelEntity } from '../model/alert-channel.entity';
import { fieldsOf, splitFields } from './channel-secrets';
import type { AlertMessage } from './types/alert-message';
import { CHANNELS } from './types/channel-registry';
import type { ChannelAnswer } from './types/channel-http';
import type { ChannelFields, ChannelRuntime } from './types/channel-type';

export type SendOutcome =
  | { ok: true; answer: ChannelAnswer }
  | {
      ok: false;
      reason: string;
      status: string | null;
      excerpt: string | null;
      retry_after_ms: number | null;
      is_breaker_open: boolean;
    };

/** Sends one message through one channel, behind a breaker a destination. Never rejects. */
export interface ChannelSender {
  send(
    channel: AlertChannelEntity,
    message: AlertMessage,
    options?: { ignore_breaker?: boolean },
  ): Promise<SendOutcome>;
}

export function createChannelSender(deps: { secretBox: SecretBox; runtime: ChannelRuntime }): ChannelSender {
  const breakers = createBreakers({ failures: 5, pause_ms: 2_000, max_pause_ms: 60_000 });
  return {
    async send(channel, message, { ignore_breaker = false } = {}) {
      let hide = (text: string): string => text;
      try {
        const fields = fieldsOf(channel, deps.secretBox);
        hide = hidingSecrets(splitFields(channel, fields).secrets);
        const type = CHANNELS[channel.type];
        const attempt = () => type.send(fields, message, deps.runtime);
        const answer = ignore_breaker
          ? await attempt()
          : await breakers.breakerFor(`${channel.type} ${type.destination(fields)}`).run(attempt);
        return { ok: true, answer: { ...answer, excerpt: shown(hide(answer.excerpt)) } };
      } catch (error) {
        return failed(toActionFault(error), hide);
      }
    },
  };
}

/** Enough of an answer to understand it. */
const EXCERPT_CHARS = 500;
const shown = (text: string): string => text.slice(0, EXCERPT_CHARS);

/** What the other side says may repeat what it was sent. */
function hidingSecrets(secrets: ChannelFields): (text: string) => string {
  const redactor = createRedactor();
  for (const secret of Object.values(secrets)) {
    if (typeof secret !== 'string') continue;
    redactor.addSecret(secret);
    // Of an address that is a credential, the other side sees the path.
    if (URL.canParse(secret)) redactor.addSecret(new URL(secret).pathname);
  }
  return (text) => redactor.redactText(text);
}

function failed({ message, retry_after_ms, detail }: ActionFault, hide: (text: string) => string): SendOutcome {
  return {
    ok: false,
    reason: shown(hide(message)),
    status: detail.status === undefined ? null : String(detail.status),
    excerpt: detail.response_excerpt === undefined ? null : shown(hide(detail.response_excerpt)),
    retry_after_ms,
    is_breaker_open: detail.code === 'BREAKER_OPEN',
  };
}
