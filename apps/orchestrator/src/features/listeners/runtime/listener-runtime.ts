/** A product whose listener should run. */
export interface WantedListener {
  product_id: number;
  slug: string;
}

/** Where listeners run: as child processes, or nowhere (containers of their own). */
export interface ListenerRuntime {
  start(): Promise<void>;
  /** Something changed: what is wanted may differ. */
  reconcile(): void;
  stop(): Promise<void>;
}
