import type { ArchiveRedaction, ArchiveScope } from '@cortex-mqtt/contracts';

/** What a product records of its messages, and how long it keeps that. */
export interface ArchiveSettings {
  enabled: boolean;
  scope: ArchiveScope;
  /** Topic filters of the scope `everything`. */
  filters: string[];
  max_age_days: number;
  max_bytes: number;
  max_payload_bytes: number;
  redact: ArchiveRedaction | null;
  before_ack: boolean;
}

/** Of new products. Those of before the archive have it off. */
export const DEFAULT_ARCHIVE: Readonly<ArchiveSettings> = Object.freeze({
  enabled: true,
  scope: 'matched',
  filters: [],
  max_age_days: 3,
  max_bytes: 512 * 1024 * 1024,
  max_payload_bytes: 64 * 1024,
  redact: null,
  before_ack: false,
});

/** Settings as they are stored may miss fields that came later. */
export const completeArchive = (stored: Partial<ArchiveSettings> | null): ArchiveSettings => ({
  ...DEFAULT_ARCHIVE,
  enabled: false,
  ...stored,
});
