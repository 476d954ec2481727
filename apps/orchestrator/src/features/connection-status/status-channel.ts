/** Channel of LISTEN/NOTIFY that says the status of products has changed. */
export const STATUS_CHANNEL = 'mqtt_status';

/** Bytes that one notification may have (Postgres: 8,000), with room for what surrounds the ids. */
const MAX_PAYLOAD = 7_800;

export interface StatusChange {
  /** The orchestrator that took the reports in. */
  node_id: string;
  /** `heartbeat`: nothing but heartbeats and counters; what other orchestrators remember of the product stays true. */
  kind: 'state' | 'heartbeat';
  product_ids: number[];
}

export function encodeStatusChange({ node_id, kind, product_ids }: StatusChange): string {
  return `${node_id} ${kind} ${product_ids.join(',')}`;
}

/** One payload, or several when it would be too long. */
export function encodeStatusChanges({ node_id, kind, product_ids }: StatusChange): string[] {
  const payloads: string[] = [];
  let part: number[] = [];
  let length = 0;
  for (const id of product_ids) {
    const added = String(id).length + 1;
    if (length + added > MAX_PAYLOAD) {
      payloads.push(encodeStatusChange({ node_id, kind, product_ids: part }));
      part = [];
      length = 0;
    }
    part.push(id);
    length += added;
  }
  if (part.length > 0) payloads.push(encodeStatusChange({ node_id, kind, product_ids: part }));
  return payloads;
}

/** Also reads the bare id that an older orchestrator sends while versions are mixed. */
export function decodeStatusChange(payload: string): StatusChange {
  const [node_id = '', kind, ids] = payload.split(' ');
  if (ids === undefined) return { node_id: '', kind: 'state', product_ids: [Number(payload)] };
  return { node_id, kind: kind === 'heartbeat' ? 'heartbeat' : 'state', product_ids: ids.split(',').map(Number) };
}
