import { loadEnvironment, secretValues } from '@cortex-mqtt/environment';
import { buildInfo, createLogger, createRedactor } from '@cortex-mqtt/observability';
import { runCli } from './cli';
import { ListenerConfig } from './config';
import { startListener } from './listener-process';

const ALIVE_EVERY_MS = 1_000;

/** Runs until SIGTERM or SIGINT, or until the parent that started it is gone. Resolves to the exit code. */
async function runUntilSignal(env: NodeJS.ProcessEnv): Promise<number> {
  const warnings: { variable: string; message: string }[] = [];
  const config = loadEnvironment(ListenerConfig, env, { onWarning: (warning) => warnings.push(warning) });
  const redactor = createRedactor();
  for (const secret of secretValues(config)) redactor.addSecret(secret);
  const build = buildInfo({ directory: __dirname, env });
  const logger = createLogger({
    service: 'listener',
    version: build.version,
    redactor,
    level: config.logLevel,
    format: config.logFormat,
    ...(config.logFile === undefined ? {} : { file: { path: config.logFile } }),
  });
  for (const warning of warnings) logger.warn('environment variable has no effect', warning);
  const ended = new Promise<void>((resolve) => {
    let isStopping = false;
    const stop = (why: string): void => {
      // The second signal means it.
      if (isStopping) process.exit(1);
      isStopping = true;
      logger.info('stopping', { why });
      resolve();
    };
    process.on('SIGTERM', stop);
    process.on('SIGINT', stop);
    // Only a process that was started with an IPC channel ever hears this: its parent has died.
    process.on('disconnect', () => stop('parent is gone'));
  });
  // The parent ends a process whose event loop has stopped turning.
  const sayAlive = (): void => {
    // A parent that has gone is heard of by `disconnect`.
    if (process.connected) process.send?.({ kind: 'alive' }, undefined, {}, () => undefined);
  };
  sayAlive();
  const alive = setInterval(sayAlive, ALIVE_EVERY_MS).unref();
  try {
    const running = await startListener(config, { logger, redactor, build });
    await ended;
    await running.stop();
    logger.info('stopped');
    return 0;
  } catch (error) {
    logger.error('the listener could not start', { error });
    return 1;
  } finally {
    clearInterval(alive);
    await logger.close();
  }
}

if (require.main === module) {
  runCli({ argv: process.argv.slice(2), env: process.env, run: runUntilSignal }).then(
    (code) => process.exit(code),
    (error: unknown) => {
      process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
      process.exit(1);
    },
  );
}
