import type { Publisher } from '@cortex-mqtt/actions';
import type { ProbeReport } from '@cortex-mqtt/contracts';
import type { IncomingMessage } from '../session/incoming-message';
import {
  createDeliveryProbe,
  type DeliveryProbe,
  type DeliveryProbeDeps,
  isCanary,
  type ProbeSettings,
} from './delivery-probe';

export interface BrokerProbesDeps extends Omit<DeliveryProbeDeps, 'publisher' | 'isConnected'> {
  /** What publishes to one broker; asked once for each. */
  publisherFor(broker: string): Publisher & { stop(): Promise<void> };
  /** Names of the brokers that the session is at, and subscribed on. */
  connectedBrokers(): string[];
  /** The broker that a message came from; null when it has been left since. */
  brokerOf(message: IncomingMessage): string | null;
}

/** A delivery probe at each broker of the list that the session is at: a canary proves only the broker that it came back from. */
export interface BrokerProbes {
  /** null = no probe. `brokers`: names of the whole list; at those that are no longer in it the probe ends. */
  use(settings: ProbeSettings | null, brokers: readonly string[]): void;
  /** Takes a message that is a canary; true = it was one, and was settled. */
  take(message: IncomingMessage): boolean;
  /** Of those at connected brokers the one that is worst off, by its broker's name where there are several; null while there is none. */
  report(): ProbeReport | null;
  stop(): Promise<void>;
}

interface Probe {
  probe: DeliveryProbe;
  publisher: { stop(): Promise<void> };
}

const WORST_FIRST: ProbeReport['state'][] = ['lost', 'waiting', 'ok'];

export function createBrokerProbes(deps: BrokerProbesDeps): BrokerProbes {
  const probes = new Map<string, Probe>();
  const ending = new Set<Promise<void>>();

  const start = (broker: string): Probe => {
    const publisher = deps.publisherFor(broker);
    const probe = createDeliveryProbe({
      ...deps,
      publisher,
      isConnected: () => deps.connectedBrokers().includes(broker),
      onEvent: (event) => deps.onEvent({ ...event, broker }),
    });
    return { probe, publisher };
  };
  const end = (broker: string): void => {
    const { probe, publisher } = probes.get(broker)!;
    probes.delete(broker);
    probe.stop();
    const ended = publisher.stop().finally(() => ending.delete(ended));
    ending.add(ended);
  };

  return {
    use(settings, brokers) {
      const wanted = settings === null ? [] : brokers;
      for (const broker of [...probes.keys()]) if (!wanted.includes(broker)) end(broker);
      for (const broker of wanted) {
        const probe = probes.get(broker) ?? start(broker);
        probes.set(broker, probe);
        probe.probe.use(settings);
      }
    },
    take(message) {
      if (!isCanary(message)) return false;
      const probe = probes.get(deps.brokerOf(message) ?? '')?.probe;
      // One that comes when its probe has ended, or by another broker than it was published to, proves nothing.
      if (!probe?.take(message)) message.settle();
      return true;
    },
    report() {
      const connected = deps.connectedBrokers();
      const all = [...probes].flatMap(([broker, { probe }]) => {
        const report = probe.report();
        return report ? [{ broker, report }] : [];
      });
      // Where there is no connection nothing is missed: that it is down is told by the session.
      const at = all.filter(({ broker }) => connected.includes(broker));
      const reports = at.length > 0 ? at : all.slice(0, 1);
      const rank = ({ report }: (typeof reports)[number]) => WORST_FIRST.indexOf(report.state);
      const [worst] = [...reports].sort((a, b) => rank(a) - rank(b));
      if (!worst) return null;
      const { broker, report } = worst;
      const names = reports.length > 1 && report.reason !== null;
      return names ? { ...report, reason: `"${broker}": ${report.reason}` } : report;
    },
    async stop() {
      for (const broker of [...probes.keys()]) end(broker);
      await Promise.all(ending);
    },
  };
}
