import { type EmbeddedPostgres, isStillRunning, startEmbeddedPostgres } from '@cortex-mqtt/embedded';

const LOOK_EVERY_MS = 1_000;
const RESTARTS_ALLOWED = 5;
const RESTART_WINDOW_MS = 120_000;

export interface KeptPostgres {
  url: string;
  logFile: string;
  stop(): Promise<void>;
}

/** A Postgres of our own that is started again, on the same port, when it ends without having been told to. */
export async function startKeptPostgres(options: {
  dataDir: string;
  onCrash(text: string): void;
  /** It ended too often. */
  onGivenUp(text: string): void;
}): Promise<KeptPostgres> {
  const { dataDir, onCrash, onGivenUp } = options;
  let postgres: EmbeddedPostgres = await startEmbeddedPostgres({ dataDir });
  const { url, port, logFile } = postgres;
  let isStopping = false;
  let crashes: number[] = [];
  let starting: Promise<void> | null = null;

  const startAgain = async (): Promise<void> => {
    const now = Date.now();
    crashes = [...crashes.filter((time) => now - time < RESTART_WINDOW_MS), now];
    if (crashes.length > RESTARTS_ALLOWED) {
      isStopping = true;
      onGivenUp(`Postgres ended for the ${crashes.length}th time in two minutes; see ${logFile}`);
      return;
    }
    onCrash(`Postgres ended; starting it again. Its log: ${logFile}`);
    try {
      postgres = await startEmbeddedPostgres({ dataDir, port });
    } catch (error) {
      onCrash(`Postgres could not be started again: ${(error as Error).message}`);
    }
  };
  const timer = setInterval(() => {
    if (isStopping || starting !== null || isStillRunning(postgres.process)) return;
    starting = startAgain().finally(() => {
      starting = null;
    });
  }, LOOK_EVERY_MS);

  return {
    url,
    logFile,
    async stop() {
      isStopping = true;
      clearInterval(timer);
      await starting;
      await postgres.stop();
    },
  };
}
