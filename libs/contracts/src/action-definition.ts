/**
 * What every action of a subscription has. The fields of its type stand beside these; `libs/actions` knows, validates
 * and runs them.
 */
export interface ActionDefinition {
  /** Stable within its subscription, 1–64 of `A-Za-z0-9_-`. */
  id: string;
  type: string;
  name?: string;
  enabled: boolean;
  /** JSONata predicate over the envelope; absent or null = always. */
  when?: string | null;
  /** JSONata mapping from the envelope to what is sent; absent or null = the envelope itself. */
  input?: string | null;
  retry?: { max_attempts?: number; base_delay_ms?: number; max_delay_ms?: number } | null;
  /** Milliseconds one attempt may take. */
  timeout_ms?: number;
}
