import { randomBytes } from 'node:crypto';

const TIME_LENGTH = 9;
const MAKER_LENGTH = 8;
const NUMBER_LENGTH = 7;

/** `A-z0-9` of a record id: time, maker, number. Text order is the order of receipt. */
export const RECORD_ID_LENGTH = TIME_LENGTH + MAKER_LENGTH + NUMBER_LENGTH;
export const RECORD_ID_PATTERN = /^[0-9a-z]{24}$/;

/** Names one process: the middle of every record id that it makes. */
export function createMaker(): string {
  const letters = '0123456789abcdefghijklmnopqrstuvwxyz';
  return Array.from(randomBytes(MAKER_LENGTH), (byte) => letters[byte % 36]).join('');
}

/** Id of a recorded message: 24 characters that sort as the messages were received, and from which the time can be read. */
export function recordId(received_at_ms: number, maker: string, number: number): string {
  return timeKey(received_at_ms) + maker + number.toString(36).padStart(NUMBER_LENGTH, '0');
}

/** The smallest id of a time: every record received before it sorts before it. */
export function timeKey(at_ms: number): string {
  return Math.max(0, Math.floor(at_ms)).toString(36).padStart(TIME_LENGTH, '0');
}

/** Milliseconds since the epoch at which the record (or key) was received. */
export const receivedAtOf = (record_id: string): number => Number.parseInt(record_id.slice(0, TIME_LENGTH), 36);

export const makerOf = (record_id: string): string => record_id.slice(TIME_LENGTH, TIME_LENGTH + MAKER_LENGTH);

export const numberOf = (record_id: string): number => Number.parseInt(record_id.slice(TIME_LENGTH + MAKER_LENGTH), 36);
