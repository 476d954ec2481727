import type { BrokerConnection, ProtocolVersion } from '@cortex-mqtt/contracts';
import type { EgressPolicy } from '@cortex-mqtt/egress';
import { buildClientOptions, laneClientId, MAX_LANES } from './client-options';
import { diagnoseFailure } from './diagnosis/diagnosis';
import type { ConnectionFailure } from './diagnosis/failure';
import { mqtt } from './on-demand';
import { mayBeForVersion } from './version-fallback';

interface Session {
  broker: BrokerConnection;
  client_id: string;
}

/**
 * Ends the session that a broker keeps under `client_id`, with its subscriptions and whatever waits in it: a clean start deletes
 * it, and this connection leaves none (MQTT 5, 3.1.2.4; 3.1.1, 3.1.2.4). A connection that has the session is taken over. Resolves
 * with the protocol version that the broker took. Rejects with the diagnosis when it can't be reached or refuses.
 */
export async function endSession(session: Session, deps: { egress: EgressPolicy }): Promise<ProtocolVersion> {
  const { protocol_version: wanted } = session.broker;
  const first = await startClean(session, wanted, deps.egress);
  if (first === null) return wanted;
  const failure = wanted === 5 && mayBeForVersion(first) !== null ? await startClean(session, 4, deps.egress) : first;
  if (failure !== null) throw new Error(diagnoseFailure('connect', failure, session).cause);
  return 4;
}

/** The same, with the further connections that a session of 3.1.1 may have been spread over. */
export async function endSessionWithLanes(session: Session, deps: { egress: EgressPolicy }): Promise<void> {
  const version = await endSession(session, deps);
  if (version === 5) return;
  const broker = { ...session.broker, protocol_version: version };
  for (let lane = 1; lane < MAX_LANES; lane += 1) {
    const client_id = laneClientId(session.client_id, lane);
    const failure = await startClean({ broker, client_id }, version, deps.egress);
    // A broker that knows its clients by id refuses those that never were.
    if (failure !== null) return;
  }
}

/** null when the broker has accepted; else why not. */
async function startClean(
  { broker, client_id }: Session,
  protocol_version: ProtocolVersion,
  egress: EgressPolicy,
): Promise<ConnectionFailure | null> {
  const { options, buildStream } = buildClientOptions(broker, {
    client_id,
    egress,
    protocol_version,
    secondary: { client_id },
  });
  const { MqttClient } = mqtt();
  const client = new MqttClient(buildStream, options);
  const failure = await new Promise<ConnectionFailure | null>((resolve) => {
    let error: Error | null = null;
    client.on('error', (reason) => {
      error ??= reason;
    });
    client.once('connect', () => resolve(null));
    // An error is emitted right after the stream was destroyed.
    client.once('close', () => setImmediate(() => resolve(error ?? { kind: 'closed' })));
    client.connect();
  });
  await client.endAsync(failure !== null);
  return failure;
}
