import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '@cortex-mqtt/observability';
import type { FilterRecord } from './session-filters';
import type { RetiredIdentifier } from './subscription-plan';

/** A persistent session that the broker keeps for us, as far as it has told us. */
export interface KnownSession {
  /** When it was last known to be there, milliseconds since the epoch. */
  seen_at_ms: number;
  /** Seconds that it outlives its connection (MQTT 5, 3.1.2.11.2); null = without limit, as with 3.1.1. */
  expiry_s: number | null;
  /** The broker has answered session present before. */
  is_proven?: boolean;
}

/** Whether the broker should still have it, by what it promised. */
export function isStillKept(session: KnownSession | null, now_ms: number): boolean {
  if (session === null) return false;
  return session.expiry_s === null || now_ms < session.seen_at_ms + session.expiry_s * 1_000;
}

/** What the listener told a broker about one persistent session, and has to know after a restart. No secrets in it. */
export interface LedgerEntry {
  record: FilterRecord;
  /** null: we never had one, or ended it. */
  session: KnownSession | null;
  retired: RetiredIdentifier[];
  /** Connections that the session of this client id is spread over. */
  lanes: number;
  /** In which term of being active this was noted; see `createTermLedger`. */
  term?: number;
}

/**
 * Remembers the subscriptions of persistent sessions beyond the process, so that filters which were taken away while
 * no listener ran are unsubscribed, and those that are there aren't sent again.
 */
export interface SubscriptionLedger {
  load(session: string): Promise<LedgerEntry | null>;
  save(session: string, entry: LedgerEntry): void;
  /** Resolves when everything is written. */
  flush(): Promise<void>;
}

interface StoredEntry {
  /** The session it is about: the file's name has only a hash of it. */
  key: string;
  entry: LedgerEntry;
}

/** One file for each session in `directory`, replaced whole. What can't be read or written costs SUBSCRIBEs, not messages. */
export function createFileLedger(deps: { directory: string; logger: Logger }): SubscriptionLedger {
  const waiting = new Map<string, LedgerEntry>();
  let writing: Promise<void> | null = null;

  const pathOf = (session: string): string =>
    join(deps.directory, `session-${createHash('sha256').update(session).digest('hex').slice(0, 32)}.json`);

  async function write(session: string, entry: LedgerEntry): Promise<void> {
    const path = pathOf(session);
    const draft = `${path}.${randomUUID()}`;
    await mkdir(deps.directory, { recursive: true, mode: 0o700 });
    await writeFile(draft, JSON.stringify({ key: session, entry } satisfies StoredEntry), { mode: 0o600 });
    await rename(draft, path);
  }

  async function writeAll(): Promise<void> {
    for (let next = waiting.entries().next(); !next.done; next = waiting.entries().next()) {
      const [session, entry] = next.value;
      waiting.delete(session);
      try {
        await write(session, entry);
      } catch (error) {
        deps.logger.warn('the subscriptions of the session could not be saved', { session, error });
      }
    }
    writing = null;
  }

  return {
    load: async (session) => {
      try {
        const { key, entry } = JSON.parse(await readFile(pathOf(session), 'utf8')) as StoredEntry;
        return key === session ? entry : null;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
          deps.logger.warn('the saved subscriptions of the session could not be read', { session, error });
        }
        return null;
      }
    },
    save: (session, entry) => {
      waiting.set(session, entry);
      writing ??= writeAll();
    },
    flush: async () => {
      while (writing) await writing;
    },
  };
}

/** Within the process only. */
export function createMemoryLedger(): SubscriptionLedger {
  const entries = new Map<string, LedgerEntry>();
  return {
    load: async (session) => structuredClone(entries.get(session) ?? null),
    save: (session, entry) => void entries.set(session, structuredClone(entry)),
    flush: async () => undefined,
  };
}

const NOTHING_NOTED: LedgerEntry = { record: { confirmed: [], unsure: [] }, session: null, retired: [], lanes: 1 };

/**
 * For a session that instances use in turn. What this one noted in an earlier term may have changed since: then every filter
 * it knows of is unsure, so that those that are wanted are sent again and the others are taken away.
 * `suspects`: filters that other instances may have subscribed to meanwhile.
 */
export function createTermLedger(
  ledger: SubscriptionLedger,
  turn: { term: number; suspects: readonly string[] },
): SubscriptionLedger {
  return {
    load: async (session) => {
      const entry = await ledger.load(session);
      if (entry?.term === turn.term) return entry;
      const { record, ...rest } = entry ?? NOTHING_NOTED;
      const known = [...record.confirmed.map(({ filter }) => filter), ...record.unsure, ...turn.suspects];
      if (entry === null && known.length === 0) return null;
      return { ...rest, record: { confirmed: [], unsure: [...new Set(known)] } };
    },
    save: (session, entry) => ledger.save(session, { ...entry, term: turn.term }),
    flush: () => ledger.flush(),
  };
}
