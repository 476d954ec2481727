import type { StageResult } from '../../api/types';
import { stageDetail, stageRows, withStage } from './connection-test';

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
    ]);
  });

  it('are only those that ended once the test is over', () => {
    const rows = stageRows({ stages: [stage('dns', 'failed')], result: null }, false);
    expect(rows.map((row) => [row.stage, row.look])).toEqual([['dns', 'failed']]);
  });

  it('count once when told twice', () => {
    expect(withStage([stage('dns', 'skipped')], stage('dns', 'passed'))).toEqual([stage('dns', 'passed')]);
  });

  it('say what was found', () => {
    expect(stageDetail({ tls_version: 'TLSv1.3', names: ['a', 'b'], none: null })).toBe(
      'tls version TLSv1.3 · names a, b',
    );
    expect(stageDetail(null)).toBe('');
  });
});
