import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { createLogger, type LoggerOptions } from './logger';
import { createRedactor } from './redactor';

class Destination extends Writable {
  text = '';
  isTTY = false;
  override _write(chunk: Buffer, _encoding: string, callback: () => void): void {
    this.text += chunk.toString();
    callback();
  }
  get lines(): Record<string, unknown>[] {
    return this.text
      .trim()
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }
}

function build(options: Partial<LoggerOptions> = {}) {
  const destination = new Destination();
  const redactor = createRedactor();
  const logger = createLogger({ service: 'listener', version: '1.2.3', redactor, destination, ...options });
  return { destination, redactor, logger };
}

describe('createLogger', () => {
  it('writes one JSON object a line with time, level, service, version, message and fields', async () => {
    const { destination, logger } = build();
    logger.info('Connected', { host: 'broker', port: 1883 });
    logger.warn('Lost\nconnection');
    await logger.close();
    expect(destination.lines).toEqual([
      {
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
        level: 'info',
        service: 'listener',
        version: '1.2.3',
        message: 'Connected',
        host: 'broker',
        port: 1883,
      },
      expect.objectContaining({ level: 'warn', message: 'Lost\nconnection' }),
    ]);
  });

  it('leaves out what is below its level, which can change while it runs', async () => {
    const { destination, logger } = build({ level: 'warn' });
    logger.info('one');
    expect(logger.isEnabled('info')).toBe(false);
    logger.setLevel('debug');
    logger.debug('two');
    await logger.close();
    expect(destination.lines.map((l) => l.message)).toEqual(['two']);
  });

  it('gives children the fields of their parents', async () => {
    const { destination, logger } = build();
    logger.child({ request_id: 'r1' }).child({ product_id: 7 }).error('Failed', { product_id: 8 });
    await logger.close();
    expect(destination.lines).toEqual([expect.objectContaining({ request_id: 'r1', product_id: 8 })]);
  });

  it('hides secrets in messages and fields, also those learnt later', async () => {
    const { destination, logger, redactor } = build();
    const child = logger.child({ password: 'shown-never' });
    redactor.addSecret('hunter2222');
    child.info('with hunter2222', { error: new Error('refused hunter2222'), url: 'mqtt://u:pw@h' });
    await logger.close();
    expect(destination.text).not.toMatch(/hunter2222|shown-never|u:pw@/);
    expect(destination.lines).toHaveLength(1);
  });

  it('keeps fields from replacing what the line says of itself', async () => {
    const { destination, logger } = build();
    logger.info('Real', { message: 'forged', level: 'error', time: 'never' });
    await logger.close();
    expect(destination.lines).toEqual([
      expect.objectContaining({ message: 'Real', level: 'info', field_message: 'forged', field_level: 'error' }),
    ]);
  });

  it('does not throw on values that cannot be written', async () => {
    const { destination, logger } = build();
    const hostile = new Proxy(
      {},
      {
        get: () => {
          throw new Error('no');
        },
        ownKeys: () => {
          throw new Error('no');
        },
      },
    );
    logger.info('Hostile', { hostile, big: 1n });
    await logger.close();
    expect(destination.lines).toEqual([expect.objectContaining({ hostile: '[unreadable]', big: '1' })]);
  });

  it('is readable at a terminal, where control characters cannot forge a line', async () => {
    const destination = new Destination();
    destination.isTTY = true;
    const { logger } = build({ destination });
    logger.error('Topic \x1b[2J\nINFO forged', {
      error: new Error('why', { cause: new Error('because') }),
      topic: 'a/b',
    });
    await logger.close();
    const [first, ...rest] = destination.text.trimEnd().split('\n');
    expect(first).toContain('error');
    expect(first).toContain('Topic  [2J INFO forged');
    expect(first).toContain('topic=a/b');
    expect(rest.join('\n')).toContain('cause: Error: because');
  });

  it('says which statement failed, and nothing of the values in it', async () => {
    const { destination, logger } = build();
    const driverError = Object.assign(new Error('new row violates check constraint "ck_x"'), {
      severity: 'ERROR',
      code: '23514',
      constraint: 'ck_x',
      detail: 'Failing row contains (1, canary-in-row).',
      where: 'PL/pgSQL function f(canary-in-where)',
    });
    const error = Object.assign(new Error(driverError.message), {
      query: 'INSERT INTO x VALUES ($1)',
      parameters: ['canary-in-parameters'],
      driverError,
      detail: driverError.detail,
    });
    logger.error('request failed unexpectedly', { error });
    await logger.close();
    expect(destination.text).toContain('INSERT INTO x VALUES ($1)');
    expect(destination.text).toContain('ck_x');
    expect(destination.text).toContain('23514');
    expect(destination.text).not.toContain('canary');
  });

  it('lives on when its destination breaks', async () => {
    const destination = new Destination();
    const { logger } = build({ destination });
    destination.destroy(new Error('EPIPE'));
    logger.info('nobody reads this');
    await logger.close();
    expect(destination.text).toBe('');
  });
});

describe('the log file', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'logger-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('gets every line as JSON, also when the destination is a terminal', async () => {
    const path = join(folder, 'logs', 'listener.log');
    const { logger } = build({ format: 'pretty', file: { path } });
    for (let i = 0; i < 100; i += 1) logger.info('Line', { i });
    await logger.close();
    const lines = readFileSync(path, 'utf8').trim().split('\n');
    expect(lines.map((l) => (JSON.parse(l) as { i: number }).i)).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });

  it('does not stop the log when it cannot be written, and says so once', async () => {
    const { destination, logger } = build({ file: { path: folder } });
    logger.info('first');
    await logger.close();
    expect(destination.lines.map((l) => l.message)).toEqual(['first', 'The log file cannot be written']);
    expect(destination.lines[1]).toMatchObject({ level: 'error', lost_lines: 1, error: { code: 'EISDIR' } });
  });
});
