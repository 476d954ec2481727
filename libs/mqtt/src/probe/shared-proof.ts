import { randomBytes } from 'node:crypto';
import { type FilterResult, type MqttSession, subscribeAll } from './mqtt-stages';
import { StageFailure, type TimeLimit } from './time-limit';

/** `ignored`: granted, and taken for a topic of that name. `unknown`: this user may not publish or read where it was tried. */
export type SharedProof = 'works' | 'ignored' | 'unknown';

/** A broker on the way brings its own message back within this. */
const COMES_WITHIN_MS = 1_500;

/**
 * Whether messages come by a shared subscription. Brokers of 3.1.1 have no way to say that they don't know them (RabbitMQ 3.10, NATS
 * 2.9 and aedes grant them like any filter). In a group of its own, on a topic of its own unless one is given; a plain subscription
 * then shows whether it is for the sharing that nothing came.
 */
export async function proveShared(
  session: MqttSession,
  { topic, limit }: { topic: string | null; limit: TimeLimit },
): Promise<SharedProof> {
  const on = topic ?? `cortex-mqtt/test/${randomBytes(8).toString('hex')}`;
  try {
    if (await comesBy(session, `$share/test/${on}`, { on, limit })) return 'works';
    return (await comesBy(session, on, { on, limit })) ? 'ignored' : 'unknown';
  } catch (error) {
    if (!(error instanceof StageFailure)) throw error;
    return 'unknown';
  }
}

async function comesBy(
  session: MqttSession,
  filter: string,
  { on: topic, limit }: { on: string; limit: TimeLimit },
): Promise<boolean> {
  const results: FilterResult[] = [];
  await subscribeAll(session, [{ filter, qos: 0 }], limit, results);
  if (results[0]?.refusal_code !== null) return false;
  const payload = randomBytes(16);
  const received = session.link.receive(
    (packet) => (packet.cmd === 'publish' && payload.equals(Buffer.from(packet.payload)) ? true : undefined),
    limit.within(COMES_WITHIN_MS),
  );
  session.link.send({ cmd: 'publish', topic, payload, qos: 0, dup: false, retain: false });
  try {
    return await received;
  } catch (error) {
    if (error instanceof StageFailure && 'kind' in error.failure && error.failure.kind === 'timeout') return false;
    throw error;
  }
}
