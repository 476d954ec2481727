import { setTimeout as sleep } from 'node:timers/promises';
import type { BrokerConnection } from '@cortex-mqtt/contracts';
import type { EgressPolicy } from '@cortex-mqtt/egress';
import { buildClientOptions } from '@cortex-mqtt/mqtt';
import { MqttClient } from 'mqtt';

/** A broker ends the older of two connections of one client at once (MQTT-3.1.4-3); the way to us takes its time. */
const NOTICED_WITHIN_MS = 1_500;
const LOOK_EVERY_MS = 20;

/**
 * Whether the session at this address is the one that is connected at another: one broker by two addresses, or nodes of one
 * cluster. Connects under its client id and looks whether the other connection ends. Takes no message and changes nothing in the
 * session. Resolves with false too when nobody answers.
 */
export async function isSameSession(
  { broker, client_id }: { broker: BrokerConnection; client_id: string },
  deps: { egress: EgressPolicy /** How often a connection has ended so far. */; ends(): number },
): Promise<boolean> {
  const { options, buildStream } = buildClientOptions(
    { ...broker, clean_session: false, last_will: null, client_id },
    { client_id, egress: deps.egress },
  );
  const client = new MqttClient(buildStream, options);
  // Never answered: what the broker sends stays unacknowledged, and comes again to whoever has the session next.
  client.handleMessage = () => undefined;
  client.on('error', () => undefined);
  const before = deps.ends();
  try {
    const is_connected = await new Promise<boolean>((resolve) => {
      client.once('connect', () => resolve(true));
      client.once('close', () => resolve(false));
      client.connect();
    });
    for (const until_ms = Date.now() + NOTICED_WITHIN_MS; is_connected && Date.now() < until_ms; ) {
      if (deps.ends() > before) return true;
      await sleep(LOOK_EVERY_MS);
    }
    return false;
  } finally {
    client.end(true);
  }
}
