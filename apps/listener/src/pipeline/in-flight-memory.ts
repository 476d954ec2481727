import { closeSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { PipelineMessage } from './pipeline-message';

/** What a message's acknowledgement takes on its way out at most, milliseconds: until then the broker may send it again. */
const SETTLE_AFTER_MS = 100;
/** Settled messages that are remembered, and for how long, in case their acknowledgement was lost. */
const MAX_SETTLED = 4_096;
const SETTLED_FOR_MS = 10_000;
const REWRITE_BYTES = 4 * 1024 * 1024;

interface Remembered {
  connection: string;
  packet_id: number;
  hash: string;
  id: string;
  /** Milliseconds since the epoch; null = it is in flight. */
  settled_at_ms: number | null;
}

export interface InFlightMemory {
  /** The id of a message that carries none: the one it had when the broker sent it before, else one of `makeId`. */
  idOf(message: PipelineMessage, makeId: () => string): string;
  /** The message is acknowledged, as soon as its acknowledgement has left. */
  settled(message: PipelineMessage): void;
  close(): void;
}

/**
 * Remembers under which ids messages without an identity of their own are in flight, in a file that outlives a killed process
 * (its writes are in the page cache; nothing is synced). A redelivery gets its old id: by connection, packet identifier and
 * content; with a broker that renumbers by content alone, if only one in flight has it.
 */
export function createInFlightMemory(deps: {
  directory: string;
  /** The file can't be read or written: redeliveries after a kill get new ids. */
  onFault: (error: unknown) => void;
}): InFlightMemory {
  return new FileMemory(deps);
}

class FileMemory implements InFlightMemory {
  /** By connection and packet identifier, oldest first. */
  private readonly known = new Map<string, Remembered>();
  /** What a life before had in flight, by content; null where two were equal, so that it can't tell them apart. */
  private readonly before = new Map<string, Remembered | null>();
  /** Connections whose broker sends again under the old packet identifier. */
  private readonly keepsNumbers = new Set<string>();
  private readonly path: string;
  private file: number | null = null;
  private lines = '';
  private isFlushing = false;
  private written_bytes = 0;
  private settledLately: Remembered[] = [];
  private settleTimer: NodeJS.Timeout | null = null;
  private settled_count = 0;

  constructor(private readonly deps: { directory: string; onFault: (error: unknown) => void }) {
    this.path = join(deps.directory, 'in-flight');
    this.guarded(() => {
      mkdirSync(deps.directory, { recursive: true });
      this.read();
      this.rewrite();
    });
  }

  idOf(message: PipelineMessage, makeId: () => string): string {
    const { packet_id = 0, connection = '' } = message;
    if (message.qos === 0 || packet_id === 0) return makeId();
    const key = `${connection} ${packet_id}`;
    const hash = contentOf(message);
    const earlier = message.duplicate ? this.earlier(key, connection, hash) : null;
    if (earlier) this.forget(earlier);
    const remembered = { connection, packet_id, hash, id: earlier?.id ?? makeId(), settled_at_ms: null };
    const replaced = this.known.get(key);
    if (replaced) this.forget(replaced);
    this.known.set(key, remembered);
    this.write(lineOf(remembered));
    return remembered.id;
  }

  settled({ packet_id = 0, connection = '' }: PipelineMessage): void {
    const remembered = this.known.get(`${connection} ${packet_id}`);
    if (!remembered || remembered.settled_at_ms !== null) return;
    this.settledLately.push(remembered);
    this.settleTimer ??= setTimeout(() => this.noteSettled(), SETTLE_AFTER_MS).unref();
  }

  close(): void {
    if (this.settleTimer) clearTimeout(this.settleTimer);
    this.flush();
    if (this.file !== null) closeSync(this.file);
    this.file = null;
  }

  private earlier(key: string, connection: string, hash: string): Remembered | null {
    const same = this.known.get(key);
    if (same?.hash === hash && (same.settled_at_ms === null || Date.now() - same.settled_at_ms < SETTLED_FOR_MS)) {
      this.keepsNumbers.add(connection);
      return same;
    }
    if (this.keepsNumbers.has(connection)) return null;
    const same_content = this.before.get(hash) ?? null;
    return same_content?.connection === connection && same_content.settled_at_ms === null ? same_content : null;
  }

  private forget(remembered: Remembered): void {
    const key = `${remembered.connection} ${remembered.packet_id}`;
    if (this.known.get(key) === remembered) this.known.delete(key);
    if (remembered.settled_at_ms !== null) this.settled_count -= 1;
    if (this.before.get(remembered.hash) === remembered) this.before.delete(remembered.hash);
  }

  private noteSettled(): void {
    this.settleTimer = null;
    const settled = this.settledLately;
    this.settledLately = [];
    let lines = '';
    for (const remembered of settled) {
      const key = `${remembered.connection} ${remembered.packet_id}`;
      // Its packet identifier may be another message's by now.
      if (remembered.settled_at_ms !== null || this.known.get(key) !== remembered) continue;
      remembered.settled_at_ms = Date.now();
      this.settled_count += 1;
      lines += settledLineOf(remembered);
    }
    if (this.settled_count > MAX_SETTLED) {
      for (const remembered of this.known.values()) {
        if (this.settled_count <= MAX_SETTLED / 2) break;
        if (remembered.settled_at_ms !== null) this.forget(remembered);
      }
    }
    if (lines !== '') this.write(lines);
  }

  /** All of one read of the socket are one write. */
  private write(lines: string): void {
    this.lines += lines;
    if (this.isFlushing) return;
    this.isFlushing = true;
    queueMicrotask(() => this.flush());
  }

  private flush(): void {
    this.isFlushing = false;
    const { lines, file } = this;
    this.lines = '';
    if (file === null || lines === '') return;
    this.guarded(() => {
      this.written_bytes += writeSync(file, lines);
      if (this.written_bytes > REWRITE_BYTES) this.rewrite();
    });
  }

  private read(): void {
    let text: string;
    try {
      text = readFileSync(this.path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
      throw error;
    }
    for (const line of text.split('\n').slice(0, -1)) {
      const [kind, name = '', packet_id = '', hash = '', id = ''] = line.split('\t');
      const connection = decodeURIComponent(name);
      const key = `${connection} ${Number(packet_id)}`;
      if (kind === '-') {
        const settled = this.known.get(key);
        if (settled) settled.settled_at_ms = Number(hash);
      } else if (kind === '+' && id !== '') {
        this.known.delete(key);
        this.known.set(key, { connection, packet_id: Number(packet_id), hash, id, settled_at_ms: null });
      }
    }
    // How long the process was away says nothing: what was settled shortly before it ended may come again.
    const last_ms = Math.max(0, ...[...this.known.values()].map(({ settled_at_ms }) => settled_at_ms ?? 0));
    for (const remembered of [...this.known.values()]) {
      if (remembered.settled_at_ms !== null && remembered.settled_at_ms < last_ms - SETTLED_FOR_MS) {
        this.known.delete(`${remembered.connection} ${remembered.packet_id}`);
        continue;
      }
      if (remembered.settled_at_ms !== null) remembered.settled_at_ms = Date.now();
      if (remembered.settled_at_ms !== null) this.settled_count += 1;
      else this.before.set(remembered.hash, this.before.has(remembered.hash) ? null : remembered);
    }
  }

  /** Only what is known still, in a new file. */
  private rewrite(): void {
    let text = '';
    for (const remembered of this.known.values()) {
      text += lineOf(remembered);
      if (remembered.settled_at_ms !== null) text += settledLineOf(remembered);
    }
    const file = openSync(`${this.path}.new`, 'w', 0o600);
    this.written_bytes = 0;
    writeSync(file, text);
    renameSync(`${this.path}.new`, this.path);
    if (this.file !== null) closeSync(this.file);
    this.file = file;
  }

  private guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      const { file } = this;
      this.file = null;
      if (file !== null) closeSync(file);
      this.deps.onFault(error);
    }
  }
}

const lineOf = ({ connection, packet_id, hash, id }: Remembered): string =>
  `+\t${encodeURIComponent(connection)}\t${packet_id}\t${hash}\t${id}\n`;

const settledLineOf = ({ connection, packet_id, settled_at_ms }: Remembered): string =>
  `-\t${encodeURIComponent(connection)}\t${packet_id}\t${settled_at_ms}\n`;

/** Not for telling an attacker's messages apart: only of those that a broker sends again under the DUP flag. */
const contentOf = ({ topic, payload, qos }: PipelineMessage): string =>
  `${crc32(payload)}.${payload.length}.${crc32(topic)}.${qos}`;
