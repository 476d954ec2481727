/** A product whose listeners should run. */
export interface WantedListener {
  product_id: number;
  slug: string;
  /** How many; more than one share the load of a shared group, and take turns elsewhere. */
  replicas: number;
  /** Whether they share the load: what an autoscaler may scale. */
  is_shared: boolean;
}

/** One of them. */
export interface ListenerMember {
  product_id: number;
  slug: string;
  /** From 1. */
  ordinal: number;
}

/** Where listeners run: as child processes, in containers, in pods, or nowhere (started by others). */
export interface ListenerRuntime {
  start(): Promise<void>;
  /** Something changed: what is wanted may differ. */
  reconcile(): void;
  stop(): Promise<void>;
}

export function membersOf({ product_id, slug, replicas }: WantedListener): ListenerMember[] {
  return Array.from({ length: replicas }, (_, index) => ({ product_id, slug, ordinal: index + 1 }));
}

/** Stable, since the broker keeps the session of the client id that is derived from it. */
export const instanceIdOf = ({ slug, ordinal }: Pick<ListenerMember, 'slug' | 'ordinal'>): string =>
  `${slug}-${ordinal}`;
