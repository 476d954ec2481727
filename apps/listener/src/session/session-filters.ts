import type { QoS, TopicFilterState } from '@cortex-mqtt/contracts';
import { FILTERS_PER_SUBSCRIBE, subackRefusal } from '@cortex-mqtt/mqtt';
import type { IClientSubscribeOptions, ISubscriptionMap } from 'mqtt';
import type { ISubackPacket } from 'mqtt-packet';
import type { ReceivingClient } from './acknowledgement/receiving-client';
import { type AppliedFilter, batchFilters, diffFilters, type PlannedFilter } from './subscription-plan';

/** SUBSCRIBEs that wait for their SUBACK at once; with MQTT 5 each filter is one. */
const MOST_OUTSTANDING_PACKETS = 200;
/** What every broker takes, when it doesn't tell its maximum. */
const DEFAULT_MAX_PACKET_BYTES = 16_384;

/** Which filters the broker has in one MQTT session, as far as it has told us. Survives the process in the ledger. */
export interface FilterRecord {
  confirmed: AppliedFilter[];
  /** Sent and not answered: the broker may have them or not. */
  unsure: string[];
}

export interface FilterChanges {
  /** Filters that were granted less than they asked for. */
  downgraded: { filter: string; requested_qos: QoS; granted_qos: QoS }[];
  refused: { filter: string; reason: string }[];
}

interface GrantedFilter extends AppliedFilter {
  granted_qos: QoS;
}

/**
 * The subscriptions of one MQTT session at the broker, and how they are brought to what is wanted: on each connection every
 * filter is asked for once, and after that only what changed is sent (MQTT 5, 3.8 and 3.10).
 */
export class SessionFilters {
  private readonly granted = new Map<string, GrantedFilter>();
  /** Granted on an earlier connection, and not asked for on this one yet. */
  private readonly stale = new Set<string>();
  private readonly unsure = new Set<string>();
  private readonly refused = new Map<string, string>();
  private desired: readonly PlannedFilter[] = [];
  /** Both get smaller when a broker hangs up instead of answering. */
  private filters_per_packet = FILTERS_PER_SUBSCRIBE;
  private outstanding_packets = MOST_OUTSTANDING_PACKETS;

  /** `onRecord` is called before something is sent and after it was answered. */
  constructor(private readonly deps: { onRecord: (record: FilterRecord) => void }) {}

  get record(): FilterRecord {
    return {
      confirmed: [...this.granted.values()].map(({ filter, topic_filter, qos, identifier, subscription_ids }) => ({
        filter,
        topic_filter,
        qos,
        identifier,
        ...(subscription_ids === undefined ? {} : { subscription_ids }),
      })),
      unsure: [...this.unsure],
    };
  }

  /** What an earlier process knew of this session. */
  restore(record: FilterRecord): void {
    for (const filter of record.confirmed) this.granted.set(filter.filter, { ...filter, granted_qos: filter.qos });
    for (const filter of record.unsure) this.unsure.add(filter);
    this.distrust();
  }

  /** The broker has no session: it has no subscriptions either. */
  forget(): void {
    this.granted.clear();
    this.stale.clear();
    this.unsure.clear();
    this.refused.clear();
  }

  /**
   * The connection is away. A broker that keeps the session may still have lost its subscriptions, and another member of a
   * group may have taken them back, so every filter is asked for again on the next connection (MQTT 5, 3.2.2.1.1 promises
   * the session only).
   */
  distrust(): void {
    for (const filter of this.granted.keys()) this.stale.add(filter);
  }

  want(desired: readonly PlannedFilter[]): void {
    this.desired = desired;
    for (const { filter, identifier, subscription_ids } of desired) {
      const known = this.granted.get(filter);
      if (known && known.identifier === identifier) this.granted.set(filter, { ...known, subscription_ids });
    }
    const wanted = new Set(desired.map(({ filter }) => filter));
    for (const filter of this.refused.keys()) if (!wanted.has(filter)) this.refused.delete(filter);
  }

  /** Something was sent that is not answered yet. */
  get is_asking(): boolean {
    return this.unsure.size > 0;
  }

  /** The broker hung up on a SUBSCRIBE: fewer filters in each, and fewer of them at once, from the next connection on. */
  askLessAtOnce(): void {
    this.filters_per_packet = Math.max(1, Math.floor(this.filters_per_packet / 2));
    this.outstanding_packets = Math.max(1, Math.floor(this.outstanding_packets / 8));
  }

  get has_refused(): boolean {
    return this.refused.size > 0;
  }

  /** Whether the broker has answered for every filter that is wanted. */
  get is_answered(): boolean {
    return this.desired.every(({ filter }) => this.isGranted(filter) || this.refused.has(filter));
  }

  states(): TopicFilterState[] {
    return this.desired.map(({ filter, subscription_ids, qos }) => ({
      topic_filter: filter,
      subscription_ids: [...subscription_ids],
      requested_qos: qos,
      granted_qos: this.isGranted(filter) ? (this.granted.get(filter)?.granted_qos ?? null) : null,
      refused: this.refused.get(filter) ?? null,
    }));
  }

  private isGranted(filter: string): boolean {
    return this.granted.has(filter) && !this.stale.has(filter);
  }

  /**
   * Sends what is missing, then takes away what is too much. Filters that were refused are asked for again. Rejects when the
   * connection ends meanwhile; what was answered until then counts.
   */
  async apply(client: ReceivingClient, limits: { max_packet_bytes: number | null }): Promise<FilterChanges> {
    const changes: FilterChanges = { downgraded: [], refused: [] };
    const { subscribe, unsubscribe } = diffFilters(this.granted.values(), this.desired);
    const wanted = new Set(this.desired.map(({ filter }) => filter));
    const superfluous = new Set([...unsubscribe, ...[...this.unsure].filter((filter) => !wanted.has(filter))]);
    const missing = new Map(
      [...subscribe, ...this.desired.filter(({ filter }) => this.unsure.has(filter) || this.stale.has(filter))].map(
        (filter) => [filter.filter, filter],
      ),
    );
    if (missing.size === 0 && superfluous.size === 0) return changes;
    const size = {
      max_bytes: Math.min(limits.max_packet_bytes ?? DEFAULT_MAX_PACKET_BYTES, DEFAULT_MAX_PACKET_BYTES),
      max_filters: this.filters_per_packet,
    };
    for (const filter of [...missing.keys(), ...superfluous]) this.unsure.add(filter);
    this.deps.onRecord(this.record);
    try {
      await this.inParallel(batchFilters([...missing.values()], size), (batch) =>
        this.subscribe(client, batch, changes),
      );
      const to_remove = [...superfluous].map((filter) => ({ filter }));
      await this.inParallel(batchFilters(to_remove, size), (batch) => this.unsubscribe(client, batch));
    } finally {
      this.deps.onRecord(this.record);
    }
    return changes;
  }

  private async inParallel<T>(items: readonly T[], run: (item: T) => Promise<void>): Promise<void> {
    const queue = items.values();
    const workers = Array.from({ length: Math.min(this.outstanding_packets, items.length) }, async () => {
      for (const item of queue) await run(item);
    });
    await Promise.all(workers);
  }

  private async subscribe(client: ReceivingClient, batch: PlannedFilter[], changes: FilterChanges): Promise<void> {
    const codes = await sendSubscribe(client, batch);
    for (const filter of batch) {
      const answer = codes.get(filter.filter);
      if (!answer) continue;
      this.unsure.delete(filter.filter);
      this.stale.delete(filter.filter);
      const reason = subackRefusal(answer.code, answer.reason_string);
      if (reason !== null) {
        this.granted.delete(filter.filter);
        if (!this.refused.has(filter.filter)) changes.refused.push({ filter: filter.filter, reason });
        this.refused.set(filter.filter, reason);
        continue;
      }
      const granted_qos = answer.code as QoS;
      this.refused.delete(filter.filter);
      this.granted.set(filter.filter, { ...filter, granted_qos });
      if (granted_qos < filter.qos) {
        changes.downgraded.push({ filter: filter.filter, requested_qos: filter.qos, granted_qos });
      }
    }
  }

  private async unsubscribe(client: ReceivingClient, batch: { filter: string }[]): Promise<void> {
    // A reason code of UNSUBACK says "gone" or "was never there", both of which will do (MQTT 5, 3.11.3).
    await client.unsubscribeAsync(batch.map(({ filter }) => filter));
    for (const { filter } of batch) {
      this.granted.delete(filter);
      this.stale.delete(filter);
      this.unsure.delete(filter);
    }
  }
}

interface SubackAnswer {
  code: number;
  reason_string: string | undefined;
}

/** One SUBSCRIBE; the reason code of each filter. Rejects when no SUBACK came. */
function sendSubscribe(client: ReceivingClient, batch: PlannedFilter[]): Promise<Map<string, SubackAnswer>> {
  const { identifier } = batch[0]!;
  const map: ISubscriptionMap = {};
  // Retain handling 1: retained messages come for a new filter, not again for one that only gets another number.
  for (const { filter, qos } of batch) map[filter] = { qos, rh: 1 };
  const options: IClientSubscribeOptions = { qos: 0 };
  if (identifier !== null) options.properties = { subscriptionIdentifier: identifier };
  return new Promise((resolve, reject) => {
    client.subscribe(map, options, (error, sent, suback) => {
      const packet = suback as ISubackPacket | undefined;
      // mqtt.js calls a SUBACK with any refusal in it an error; the codes are what counts.
      if (!packet || packet.granted.length !== sent?.length) {
        reject(error ?? new Error('SUBACK that does not answer its SUBSCRIBE'));
        return;
      }
      const reason_string = packet.properties?.reasonString;
      resolve(new Map(sent.map(({ topic }, index) => [topic, { code: Number(packet.granted[index]), reason_string }])));
    });
  });
}
