import type { StageResult } from '../../api/types';
import { stageRows, withStage } from './connection-test';

const stage = (name: StageResult['stage'], state: StageResult['state']): StageResult => ({
  stage: name,
  state,
  duration_ms: 1,
  detail: {},
});

describe('the stages of a test', () => {
  it('appear one by one: ended, the one under way, those that wait', () => {
    const rows = stageRows({ stages: [stage('dns', 'passed'), stage('tcp', 'passed')], result: null }, true);
    expect(rows.map((row) => row.look)).toEqual([
      'passed',
      'passed',
      'running',
      'waiting',
      'waiting',
      'waiting',
      'waiting',
      'waiting',
    ]);
  });

  it('are only those that ended once the test is over', () => {
    const rows = stageRows({ stages: [stage('dns', 'failed')], result: null }, false);
    expect(rows.map((row) => [row.stage, row.look])).toEqual([['dns', 'failed']]);
  });

  it('count once when told twice', () => {
    expect(withStage([stage('dns', 'skipped')], stage('dns', 'passed'))).toEqual([stage('dns', 'passed')]);
  });
});
