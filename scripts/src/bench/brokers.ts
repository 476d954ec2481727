import { type Mosquitto, startMosquitto } from '@cortex-mqtt/testing';
import type { BenchContext } from './figure';

/** A Mosquitto that queues whatever a burst brings, and that a fast subscriber need not wait for. */
export async function openMosquitto(context: BenchContext, config: string[] = []): Promise<Mosquitto> {
  const broker = await startMosquitto({
    logPackets: false,
    config: ['max_queued_messages 0', 'max_inflight_messages 0', 'set_tcp_nodelay true', ...config],
  });
  context.stops.push(() => broker.stop());
  return broker;
}
