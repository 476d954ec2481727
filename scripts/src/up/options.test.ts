import { readUpOptions, UsageError } from './options';

const places = { root: '/clone', cwd: '/elsewhere' };
const read = (args: string[], env: NodeJS.ProcessEnv = {}) => readUpOptions(args, env, places);

describe('the options of scripts/up', () => {
  it('are the embedded default in the clone when nothing is said', () => {
    expect(read([])).toEqual({
      detach: false,
      demo: true,
      json: false,
      port: undefined,
      dataDir: '/clone/.data',
      databaseUrl: undefined,
      queueUrl: undefined,
    });
  });

  it('come from arguments and environment, paths relative to where they were typed', () => {
    const env = { PORT: '9000', DATA_DIR: 'data', DATABASE_URL: 'postgres://x/y', QUEUE_URL: 'redis://z' };
    expect(read(['--detach', '--no-demo', '--json'], env)).toEqual({
      detach: true,
      demo: false,
      json: true,
      port: 9000,
      dataDir: '/elsewhere/data',
      databaseUrl: 'postgres://x/y',
      queueUrl: 'redis://z',
    });
  });

  it.each(['0', '65536', 'http', '80.5', '-1'])('refuse PORT=%s', (PORT) => {
    expect(() => read([], { PORT })).toThrow(UsageError);
  });

  it('refuse an unknown argument by its name', () => {
    expect(() => read(['--deatch'])).toThrow(/--deatch/);
  });

  it('refuse a wrong URL without repeating the password in it', () => {
    const wrong = () => read([], { DATABASE_URL: 'mysql://root:hunter2@db/x' });
    expect(wrong).toThrow(/^DATABASE_URL must be/);
    expect(wrong).not.toThrow(/hunter2/);
  });
});
