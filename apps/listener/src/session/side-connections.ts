import type { BrokerConnection, StatusReport } from '@cortex-mqtt/contracts';
import { ONE_CONNECTION } from '@cortex-mqtt/mqtt';

/** An end of the live connection so close to the CONNACK of another is taken for its work. */
const WITHIN_MS = 1_000;
/** Then another may be tried. */
const HELD_BACK_MS = 3_600_000;

interface Harm {
  at_ms: number;
  by: string;
}

/**
 * Connections that the listener opens beside the session of a broker. Where the broker makes client ids of user names or
 * certificates (Mosquitto's `use_username_as_clientid`, policies of AWS IoT), each of them takes the live session over, and with
 * a clean start wipes it. That shows as a live connection that ends just when another one is accepted; then no more are opened.
 */
export class SideConnections {
  /** By the broker's name. */
  private readonly accepted = new Map<string, Harm>();
  private readonly ended_at_ms = new Map<string, number>();
  private readonly harms = new Map<string, Harm>();

  constructor(private readonly deps: { onHarm(broker: string, by: string): void; now?: () => number }) {}

  /** Why no further connection may be opened to that broker; null when one may. */
  refusal(broker: BrokerConnection): string | null {
    if (broker.connections === 'one') return ONE_CONNECTION;
    const harm = this.harmOf(broker.name);
    return harm === null
      ? null
      : `a further connection (${harm.by}) ended the live one at ${new Date(harm.at_ms).toISOString()}, so no more are opened for an hour; set "connections" of the broker to "one"`;
  }

  /** The broker has accepted one. `by`: what it is for, in words. */
  opened({ name }: Pick<BrokerConnection, 'name'>, by: string): void {
    const at_ms = this.now();
    this.accepted.set(name, { at_ms, by });
    this.compare(name);
  }

  /** The live connection to that broker ended, without our doing. */
  liveEnded(name: string): void {
    this.ended_at_ms.set(name, this.now());
    this.compare(name);
  }

  warnings(): StatusReport['warnings'] {
    return [...this.harms.keys()].flatMap((name) => {
      const harm = this.harmOf(name);
      if (harm === null) return [];
      return {
        code: 'SIDE_CONNECTION_ENDS_SESSION',
        message: `At ${new Date(harm.at_ms).toISOString()} the live connection to "${name}" ended within a second of the broker accepting another one of ours (${harm.by}): it seems to give all connections of this user or certificate one client id, so that each takes the session over and may wipe what waits in it. No further ones are opened for an hour. Set "connections" of this broker to "one", or give the listener a user of its own.`,
      };
    });
  }

  private compare(name: string): void {
    const accepted = this.accepted.get(name);
    const ended_at_ms = this.ended_at_ms.get(name);
    if (!accepted || ended_at_ms === undefined || Math.abs(accepted.at_ms - ended_at_ms) > WITHIN_MS) return;
    this.accepted.delete(name);
    this.ended_at_ms.delete(name);
    this.harms.set(name, { at_ms: this.now(), by: accepted.by });
    this.deps.onHarm(name, accepted.by);
  }

  private harmOf(name: string): Harm | null {
    const harm = this.harms.get(name);
    return harm && this.now() - harm.at_ms < HELD_BACK_MS ? harm : null;
  }

  private now(): number {
    return this.deps.now?.() ?? Date.now();
  }
}
