import type { ConnectionEvent } from '../../api/types';
import type { Tone } from '../../components/state-language';
import { texts } from '../../texts';

const words = texts.history;

const PRIMARY = 'primary';

/** An event as people read it: what happened, how it was, and whether it is good or bad. */
export interface EventSentence {
  tone: Tone;
  text: string;
  /** The circumstances, in the order of their weight; may be empty. */
  detail: string;
}

/** Puts an event into words. An event that is not known here is told by its type. */
export function sentenceOf(event: ConnectionEvent): EventSentence {
  const { sentences } = words;
  const { detail } = event;
  const broker = brokerName(event.broker);
  const line = (tone: Tone, text: string, ...details: (string | null)[]): EventSentence => ({
    tone,
    text,
    detail: [...details, event.instance_id ? words.by(event.instance_id) : null].filter(Boolean).join(' · '),
  });
  switch (event.type) {
    case 'connected':
      return line(
        'ok',
        sentences.connected(broker),
        detail.session_present === true ? sentences.sessionResumed : null,
        detail.session_present === false ? sentences.sessionNew : null,
      );
    case 'disconnected':
      return detail.code === 'CLOSED_BY_LISTENER'
        ? line('off', sentences.closed(broker))
        : line('bad', sentences.disconnected(broker), textOf(detail.cause));
    case 'connect_failed':
      return line('bad', sentences.connectFailed(broker), textOf(detail.cause), attemptOf(detail.attempt));
    case 'failover':
      return line('warn', sentences.failover(broker), fromOf(detail.from));
    case 'failback':
      return line('ok', sentences.failback(broker), fromOf(detail.from));
    case 'subscription_refused':
      return line(
        'bad',
        sentences.refused(textOf(detail.topic_filter) ?? '?'),
        textOf(detail.refused ?? detail.reason),
      );
    case 'qos_downgraded':
      return line(
        'warn',
        sentences.downgraded(textOf(detail.topic_filter) ?? '?'),
        typeof detail.requested_qos === 'number' && typeof detail.granted_qos === 'number'
          ? sentences.qos(detail.requested_qos, detail.granted_qos)
          : null,
      );
    case 'session_lost':
      return line('warn', sentences.sessionLost, sentences.sessionLostHint);
    case 'probe_lost':
      return line('bad', sentences.probeLost, textOf(detail.cause));
    case 'probe_recovered':
      return line('ok', sentences.probeRecovered);
    case 'flapping':
      return line('warn', sentences.flapping);
    case 'taken_over': {
      const client = textOf(detail.client_id) ?? '?';
      return line(
        'bad',
        detail.is_certain === false ? sentences.perhapsTakenOver(client) : sentences.takenOver(client),
      );
    }
    case 'session_adopted': {
      const left = Array.isArray(detail.not_emptied) ? detail.not_emptied.map(String) : [];
      return line(
        left.length === 0 ? 'ok' : 'warn',
        sentences.sessionAdopted(textOf(detail.from) ?? '?', Number(detail.messages)),
        left.length === 0 ? sentences.sessionAdoptedHint : sentences.sessionNotEmptied(left.join(', ')),
      );
    }
    case 'session_ended':
      return line('ok', sentences.sessionEnded(textOf(detail.client_id) ?? '?', Number(detail.messages)));
    case 'session_not_ended':
      return line('warn', sentences.sessionNotEnded(textOf(detail.client_id) ?? '?'), textOf(detail.reason));
    case 'config_applied':
      return line('ok', sentences.applied(Number(detail.revision)), words.source[textOf(detail.source) ?? ''] ?? null);
    case 'config_rejected':
      return line('bad', sentences.rejected(Number(detail.revision)), textOf(detail.reason));
    case 'online':
      return line('ok', sentences.online);
    case 'offline':
      return line('bad', sentences.offline, textOf(detail.reason));
    case 'heartbeat_lost':
      return line('bad', sentences.heartbeatLost, textOf(detail.reason));
    case 'turn_passed_on':
      return line('warn', sentences.turnPassedOn(textOf(detail.to) ?? '?'), sentences.turnPassedOnHint);
    default:
      return line('off', sentences.unknown(event.type), textOf(detail.cause ?? detail.reason));
  }
}

function brokerName(name: string | null): string {
  if (!name) return words.someBroker;
  return name === PRIMARY ? words.primary : words.broker(name);
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

const attemptOf = (attempt: unknown): string | null =>
  typeof attempt === 'number' && attempt > 1 ? words.sentences.attempt(attempt) : null;

const fromOf = (from: unknown): string | null => {
  const name = textOf(from);
  return name ? words.sentences.failoverFrom(brokerName(name)) : null;
};
