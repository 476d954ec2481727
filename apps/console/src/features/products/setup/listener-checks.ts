import type { ConnectionStatus, MqttConfigDocument } from '../../../api/types';
import type { Tone } from '../../../components/state-language';
import { texts } from '../../../texts';
import { lookOf, readFilters } from '../../mqtt-config/subscription-list';
import type { SetupStep } from './setup-steps';

export interface ListenerCheck {
  kind: 'started' | 'connected' | 'subscribed';
  tone: Tone;
  words: string;
  /** Why it is not so, in the words of the listener. */
  note?: string | null;
  /** Where it can be fixed. */
  step?: SetupStep;
}

const words = texts.setup.listener;
const GONE = ['stale', 'stopped'];

/** What has to be true for messages to arrive, in the order in which it becomes true. */
export function listenerChecks(
  status: ConnectionStatus,
  document: Pick<MqttConfigDocument, 'mqtt_config' | 'subscriptions'>,
): ListenerCheck[] {
  const [instance] = status.instances.filter(({ state }) => !GONE.includes(state));
  const hasBroker = document.mqtt_config.broker.host !== null;
  return [
    instance
      ? { kind: 'started', tone: 'ok', words: words.started(instance.id) }
      : { kind: 'started', tone: 'busy', words: words.waiting },
    connectedCheck(status, { hasInstance: instance !== undefined, hasBroker }),
    subscribedCheck(status, document),
  ];
}

export const isListening = (checks: ListenerCheck[]): boolean => checks.every(({ tone }) => tone === 'ok');

function connectedCheck(
  status: ConnectionStatus,
  { hasInstance, hasBroker }: { hasInstance: boolean; hasBroker: boolean },
): ListenerCheck {
  const kind = 'connected';
  if (status.connected) return { kind, tone: 'ok', words: words.connected };
  if (!hasBroker) return { kind, tone: 'off', words: words.noBroker, step: 'broker' };
  if (!hasInstance) return { kind, tone: 'off', words: words.connecting };
  if (status.connection_error === null) return { kind, tone: 'busy', words: words.connecting };
  return { kind, tone: 'bad', words: words.connecting, note: status.connection_error, step: 'broker' };
}

function subscribedCheck(
  status: ConnectionStatus,
  { mqtt_config, subscriptions }: Pick<MqttConfigDocument, 'mqtt_config' | 'subscriptions'>,
): ListenerCheck {
  const kind = 'subscribed';
  const enabled = subscriptions.filter((subscription) => subscription.enabled);
  if (enabled.length === 0) return { kind, tone: 'off', words: words.noSubscription, step: 'subscription' };
  if (!status.connected) return { kind, tone: 'off', words: words.subscribing };
  const filters = readFilters(status);
  const looks = enabled.map((subscription) => ({
    subscription,
    look: lookOf(subscription, filters, mqtt_config.topics.qos),
  }));
  const refused = looks.find(({ look }) => look.tone === 'bad');
  if (refused) {
    const { subscription, look } = refused;
    return { kind, tone: 'bad', words: subscription.name, note: look.words, step: 'topics' };
  }
  if (looks.some(({ look }) => look.tone === 'busy')) return { kind, tone: 'busy', words: words.subscribing };
  return { kind, tone: 'ok', words: words.subscribed(enabled.length) };
}
