import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitFor } from '@cortex-mqtt/testing';
import { createInFlightMemory, type InFlightMemory } from './in-flight-memory';
import { buildMessage, type TestMessage } from './pipeline.testing';

let directory: string;
let made = 0;
const makeId = (): string => `id-${++made}`;
const faults: unknown[] = [];
/** As after a kill: nothing of the life before is finished. */
const begin = (): InFlightMemory => createInFlightMemory({ directory, onFault: (error) => faults.push(error) });
const build = (packet_id: number, text: string, duplicate = false): TestMessage =>
  Object.assign(buildMessage({ text, duplicate }), { packet_id, connection: 'primary' });
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'in-flight-'));
  faults.length = 0;
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

it('gives a message that is sent again after a kill its old id', async () => {
  const first = begin();
  const ids = [1, 2, 3].map((n) => first.idOf(build(n, `m${n}`), makeId));
  await nextTurn();
  const second = begin();
  expect([3, 1, 2].map((n) => second.idOf(build(n, `m${n}`, true), makeId))).toEqual([ids[2], ids[0], ids[1]]);
  // And again after another.
  await nextTurn();
  expect(begin().idOf(build(1, 'm1', true), makeId)).toBe(ids[0]);
  expect(faults).toEqual([]);
});

it('gives it also with a broker that numbers anew, if no other in flight is equal', async () => {
  const first = begin();
  const ids = ['a', 'same', 'same', 'b'].map((text, index) => first.idOf(build(index + 10, text), makeId));
  await nextTurn();
  const second = begin();
  expect(second.idOf(build(1, 'a', true), makeId)).toBe(ids[0]);
  expect(second.idOf(build(2, 'b', true), makeId)).toBe(ids[3]);
  const again = [second.idOf(build(3, 'same', true), makeId), second.idOf(build(4, 'same', true), makeId)];
  expect(new Set([...again, ids[1], ids[2]]).size).toBe(4);
});

it('never gives two messages that are published on purpose one id', async () => {
  const first = begin();
  const sent = build(1, 'same');
  const ids = [first.idOf(sent, makeId), first.idOf(build(2, 'same'), makeId)];
  // Its packet identifier is free again once it is acknowledged.
  first.settled(sent);
  ids.push(first.idOf(build(1, 'same'), makeId));
  await nextTurn();
  const second = begin();
  ids.push(second.idOf(build(1, 'same'), makeId), second.idOf(build(3, 'same', true), makeId));
  expect(new Set(ids).size).toBe(5);
});

it('knows of an acknowledged one only under its packet identifier', async () => {
  const first = begin();
  const message = build(7, 'x');
  const id = first.idOf(message, makeId);
  first.settled(message);
  await waitFor(() => readFileSync(join(directory, 'in-flight'), 'utf8').includes('-\tprimary\t7'));
  expect(begin().idOf(build(8, 'x', true), makeId)).not.toBe(id);
  expect(begin().idOf(build(7, 'x', true), makeId)).toBe(id);
});

it('stays small, and reads a file whose last line was cut off', async () => {
  const first = begin();
  for (let n = 0; n < 60_000; n += 1) {
    const message = build((n % 200) + 1, `payload ${n}`);
    first.idOf(message, makeId);
    first.settled(message);
    if (n % 1_000 === 0) await nextTurn();
  }
  await nextTurn();
  first.close();
  const path = join(directory, 'in-flight');
  expect(readFileSync(path).length).toBeLessThan(5 * 1024 * 1024);
  const last = begin();
  const id = last.idOf(build(300, 'kept'), makeId);
  await nextTurn();
  appendFileSync(path, '+\tprimary\t301\t1.1');
  expect(begin().idOf(build(300, 'kept', true), makeId)).toBe(id);
});

it('says that it cannot write and goes on with new ids', () => {
  appendFileSync(join(directory, 'file'), '');
  const memory = createInFlightMemory({
    directory: join(directory, 'file', 'below'),
    onFault: (error) => faults.push(error),
  });
  expect(faults).toHaveLength(1);
  expect(memory.idOf(build(1, 'x'), makeId)).toMatch(/^id-/);
});
