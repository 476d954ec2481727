import { Alert, Button, CloseButton } from '@mantine/core';
import { IconBulb, IconPlugConnected, IconPlayerStop } from '@tabler/icons-react';
import { useEffect, useRef, useState } from 'react';
import { messageOf } from '../../api/problem';
import { duration } from '../../components/relative-time';
import type { Tone } from '../../components/state-language';
import { ToneIcon } from '../../components/status-badge';
import { texts } from '../../texts';
import { runConnectionTest, type StageLook, stageRows, type TestProgress } from './connection-test';
import { stageFinding } from './stage-finding';
import classes from './test-connection-button.module.css';

const words = texts.test;

export interface ConnectionTestState {
  running: boolean;
  progress: TestProgress | null;
  error: unknown;
  /** Tests the first broker, or the further one with `brokerId`, as it would be with `body`. */
  run: (body: Record<string, unknown>, brokerId?: number | null) => void;
  stop: () => void;
  close: () => void;
}

/** A test under way or ended; leaving the page stops it. */
export function useConnectionTest(productId: number): ConnectionTestState {
  const [progress, setProgress] = useState<TestProgress | null>(null);
  const [running, setRunning] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const abort = useRef<AbortController | null>(null);
  useEffect(() => () => abort.current?.abort(), []);

  const run = async (body: Record<string, unknown>, brokerId: number | null) => {
    abort.current?.abort();
    const controller = new AbortController();
    abort.current = controller;
    setRunning(true);
    setError(null);
    setProgress({ stages: [], result: null });
    try {
      const product = `/products/${productId}` as const;
      const path =
        brokerId === null ? (`${product}/mqtt-config/test` as const) : (`${product}/brokers/${brokerId}/test` as const);
      const result = await runConnectionTest(path, body, { signal: controller.signal, onProgress: setProgress });
      if (result === null) setError(new Error(words.aborted));
    } catch (failure) {
      if (!controller.signal.aborted) setError(failure);
    } finally {
      if (abort.current === controller) setRunning(false);
    }
  };

  return {
    running,
    progress,
    error,
    run: (body, brokerId = null) => void run(body, brokerId),
    stop: () => {
      abort.current?.abort();
      setRunning(false);
    },
    close: () => {
      abort.current?.abort();
      setRunning(false);
      setProgress(null);
      setError(null);
    },
  };
}

export function TestConnectionButton({ test, onRun }: { test: ConnectionTestState; onRun: () => void }) {
  if (test.running) {
    return (
      <Button variant="default" leftSection={<IconPlayerStop size={16} />} onClick={test.stop}>
        {words.stop}
      </Button>
    );
  }
  return (
    <Button variant="default" leftSection={<IconPlugConnected size={16} />} onClick={onRun}>
      {test.progress ? words.again : words.run}
    </Button>
  );
}

const TONES: { [L in StageLook]: Tone } = {
  passed: 'ok',
  failed: 'bad',
  skipped: 'off',
  running: 'busy',
  waiting: 'off',
};

/** Stages with their times as they come in, then the verdict and what to do. */
export function ConnectionTestReport({ test }: { test: ConnectionTestState }) {
  const { progress, running, error } = test;
  if (!progress) return null;
  const { result } = progress;
  const looks: { [L in StageLook]: string } = {
    passed: words.passed,
    failed: words.stageFailed,
    skipped: words.skipped,
    running: words.running,
    waiting: words.waiting,
  };
  return (
    <section className={classes.report} aria-label={words.title} aria-live="polite">
      <div className={classes.verdict}>
        <ToneIcon tone={running ? 'busy' : result?.connected ? 'ok' : 'bad'} size={18} />
        <span className={classes.verdictText}>
          {running
            ? words.running
            : result?.connected
              ? words.worked
              : error
                ? messageOf(error) || texts.common.offline
                : words.failed}
          {result?.connected && result.latency_ms !== null && (
            <span className={classes.note}> · {words.workedIn(duration(result.latency_ms))}</span>
          )}
        </span>
        {!running && <CloseButton size="sm" aria-label={texts.common.close} onClick={test.close} />}
      </div>
      <ol className={classes.stages}>
        {stageRows(progress, running).map(({ stage, look, ended }) => {
          const finding = ended ? stageFinding(ended, result?.diagnosis) : '';
          const isMeasured = ended && ended.state !== 'skipped';
          return (
            <li key={stage} className={`${classes.stage} ${classes[look] ?? ''}`}>
              <ToneIcon tone={TONES[look]} />
              <span className={classes.stageName}>{words.stages[stage]}</span>
              <span className={classes.time}>{isMeasured ? duration(ended.duration_ms) : finding || looks[look]}</span>
              {isMeasured && finding && <span className={classes.detail}>{finding}</span>}
            </li>
          );
        })}
      </ol>
      {result?.diagnosis && (
        <Alert color="red" icon={<IconBulb size={18} />} title={result.diagnosis.cause}>
          {result.diagnosis.advice}
        </Alert>
      )}
      {result?.warnings?.map((warning) => (
        <div key={warning.code + warning.message} className={classes.warning}>
          <ToneIcon tone="warn" />
          {warning.message}
        </div>
      ))}
      {result && <div className={classes.note}>{words.from(testedFrom(result.tested_from))}</div>}
    </section>
  );
}

function testedFrom(where: string): string {
  if (where === 'orchestrator') return words.fromOrchestrator;
  return words.fromListener(where.replace(/^listener:/, ''));
}
