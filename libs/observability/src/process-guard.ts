import type { Logger } from './logger';
import type { Metrics } from './metrics';

export interface ProcessGuard {
  /** Makes the count visible as `cortex_mqtt_unhandled_rejections_total`. */
  register(metrics: Metrics): void;
  end(): void;
}

/**
 * The last guard of a process: a rejection that nobody handles is a defect, and no reason to stop serving everybody else. It is
 * logged as an error and counted.
 */
export function guardProcess(deps: { logger: Pick<Logger, 'error'> }): ProcessGuard {
  let rejections = 0;
  const onRejection = (error: unknown): void => {
    rejections += 1;
    deps.logger.error('unhandled promise rejection; the process continues', { error });
  };
  process.on('unhandledRejection', onRejection);
  return {
    register: (metrics) => {
      metrics.counter({
        name: 'cortex_mqtt_unhandled_rejections_total',
        help: 'Rejections that nobody handled since the start; each is a defect',
        collect() {
          this.reset();
          this.inc(rejections);
        },
      });
    },
    end: () => {
      process.off('unhandledRejection', onRejection);
    },
  };
}
