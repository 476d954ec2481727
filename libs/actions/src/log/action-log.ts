/** A winston logger fits. */
export interface ActionLog {
  log(level: 'debug' | 'info' | 'warn', message: string, fields: Record<string, unknown>): void;
}
