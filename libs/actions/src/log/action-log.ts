/** A winston logger fits. */
export interface ActionLog {
  /** False: lines of this level are not written, so none need be made. Absent: all are. */
  isEnabled?(level: 'debug' | 'info' | 'warn'): boolean;
  log(level: 'debug' | 'info' | 'warn', message: string, fields: Record<string, unknown>): void;
}
