import { type ActionFault, createBreakers, toActionFault } from '@cortex-mqtt/actions';
import type { SecretBox } from '../../secrets/secret-box';
import type { AlertChannelEntity } from '../model/alert-channel.entity';
import { fieldsOf } from './channel-secrets';
import type { AlertMessage } from './types/alert-message';
import { CHANNELS } from './types/channel-registry';
import type { ChannelAnswer } from './types/channel-http';
import type { ChannelRuntime } from './types/channel-type';

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
      try {
        const fields = fieldsOf(channel, deps.secretBox);
        const type = CHANNELS[channel.type];
        const attempt = () => type.send(fields, message, deps.runtime);
        const answer = ignore_breaker
          ? await attempt()
          : await breakers.breakerFor(`${channel.type} ${type.destination(fields)}`).run(attempt);
        return { ok: true, answer };
      } catch (error) {
        return failed(toActionFault(error));
      }
    },
  };
}

function failed({ message, retry_after_ms, detail }: ActionFault): SendOutcome {
  return {
    ok: false,
    reason: message,
    status: detail.status === undefined ? null : String(detail.status),
    excerpt: detail.response_excerpt ?? null,
    retry_after_ms,
    is_breaker_open: detail.code === 'BREAKER_OPEN',
  };
}
