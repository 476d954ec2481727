import { send } from '../../api/client';
import { readEvents } from '../../api/event-stream';
import {
  type ApiPath,
  type ConnectionTestResult,
  type StageResult,
  TEST_STAGES,
  type TestStage,
} from '../../api/types';

export interface TestProgress {
  stages: StageResult[];
  result: ConnectionTestResult | null;
}

/**
 * Runs a connection test and tells each stage as it ends. A server that answers once instead of streaming gives all
 * stages together.
 */
export async function runConnectionTest(
  path: ApiPath,
  body: Record<string, unknown>,
  options: { signal: AbortSignal; onProgress: (progress: TestProgress) => void },
): Promise<ConnectionTestResult | null> {
  const response = await send(
    'POST',
    path,
    { body, signal: options.signal },
    'text/event-stream, application/json;q=0.5',
  );
  if (!response.headers.get('content-type')?.includes('text/event-stream')) {
    const result = (await response.json()) as ConnectionTestResult;
    options.onProgress({ stages: result.stages, result });
    return result;
  }
  let progress: TestProgress = { stages: [], result: null };
  await readEvents(response, ({ event, data }) => {
    if (event === 'stage') {
      progress = { ...progress, stages: withStage(progress.stages, JSON.parse(data) as StageResult) };
    } else if (event === 'result') {
      const result = JSON.parse(data) as ConnectionTestResult;
      progress = { stages: result.stages.length > 0 ? result.stages : progress.stages, result };
    } else if (event === 'problem') {
      throw new Error((JSON.parse(data) as { detail: string }).detail);
    } else return;
    options.onProgress(progress);
  });
  return progress.result;
}

/** A stage told twice counts once, with what was told last. */
export function withStage(stages: StageResult[], stage: StageResult): StageResult[] {
  return [...stages.filter((known) => known.stage !== stage.stage), stage];
}

export type StageLook = 'passed' | 'failed' | 'skipped' | 'running' | 'waiting';

/** All stages in order, with the look of each: what has ended, the one under way, those that wait. */
export function stageRows(
  progress: TestProgress,
  running: boolean,
): { stage: TestStage; look: StageLook; ended: StageResult | null }[] {
  let isNext = running;
  return TEST_STAGES.map((stage) => {
    const ended = progress.stages.find((one) => one.stage === stage) ?? null;
    if (ended) return { stage, look: ended.state, ended };
    const look: StageLook = isNext ? 'running' : 'waiting';
    isNext = false;
    return { stage, look, ended: null };
  }).filter((row) => running || row.ended !== null);
}
