import type { MqttClient } from 'mqtt';

const END_TIMEOUT_MS = 1_000;

/** DISCONNECT and the end of the socket; by force when that takes too long, or there is no connection yet. */
export async function endClient(client: MqttClient): Promise<void> {
  if (!client.connected) {
    client.end(true);
    return;
  }
  const closed = new Promise<void>((resolve) => client.once('close', () => resolve()));
  client.end();
  const timer = setTimeout(() => client.stream.destroy(), END_TIMEOUT_MS);
  await closed;
  clearTimeout(timer);
}
