import { Agent } from 'node:http';
import { SimulatedListener } from '@cortex-mqtt/testing';
import { now_ms, serveWorker } from './worker';

interface Member {
  listener: SimulatedListener;
  next_ms: number;
  /** A listener has one report under way at most. */
  isWaiting: boolean;
}

const CONNECTIONS = 200;
const SHARE_WITH_MESSAGES = 0.1;
const REPORT_EVERY_MS = 5_000;

let members: Member[] = [];
let latencies_ms: number[] = [];
let failed = 0;
let isRunning = false;
/** Answered since the last `measured`. */
let heard = new Set<Member>();

async function reportOnce(url: string, member: Member): Promise<void> {
  if (Math.random() < SHARE_WITH_MESSAGES) member.listener.receive(5);
  const started_ms = now_ms();
  member.isWaiting = true;
  try {
    await member.listener.report(url);
    latencies_ms.push(now_ms() - started_ms);
    heard.add(member);
  } catch {
    failed += 1;
  } finally {
    member.isWaiting = false;
  }
}

/** Sends each report at its time: a slow answer slows down nobody but its own listener. */
async function run(url: string): Promise<void> {
  while (isRunning) {
    const now = now_ms();
    for (const member of members) {
      if (member.isWaiting || member.next_ms > now) continue;
      member.next_ms = Math.max(member.next_ms + REPORT_EVERY_MS, now);
      void reportOnce(url, member);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Many listeners of the real protocol in one process, each with a report every 5 s, spread evenly. */
const methods = {
  start: ({ url, listeners }: { url: string; listeners: { token: string; subscription_id: number }[] }): void => {
    const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
    const began_ms = now_ms();
    members = listeners.map(({ token, subscription_id }, index) => ({
      listener: new SimulatedListener({ token, subscription_id, instance_id: 'one', applied_revision: 1, agent }),
      // The first round takes longer: each is a new listener.
      next_ms: began_ms + (index / listeners.length) * 4 * REPORT_EVERY_MS,
      isWaiting: false,
    }));
    isRunning = true;
    void run(url);
  },
  /** What happened since the last call. */
  measured: (_none: null): { latencies_ms: number[]; failed: number; heard: number } => {
    const taken = { latencies_ms, failed, heard: heard.size };
    latencies_ms = [];
    failed = 0;
    heard = new Set();
    return taken;
  },
  stop: (_none: null): void => {
    isRunning = false;
  },
};

export type FleetListenersMethods = typeof methods;

if (require.main === module) serveWorker(methods);
