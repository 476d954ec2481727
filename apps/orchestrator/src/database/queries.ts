/** The part of a pool that batches need: prepared statements, by name. */
export interface Queries {
  query(config: { name: string; text: string; values: unknown[] }): Promise<{ rows: unknown[] }>;
}
