import { Button } from '@mantine/core';
import { IconPlayerPlay } from '@tabler/icons-react';
import type { DryRunResult } from '../../api/types';
import { actionIcon } from '../../components/action-icons';
import { Panel } from '../../components/layout';
import { messageOf } from '../../api/problem';
import { ToneBadge, ToneIcon } from '../../components/status-badge';
import { texts } from '../../texts';
import classes from './dry-run-panel.module.css';
import { actionSteps, actionVerdict, messageSteps, type StepLine } from './dry-run-words';

const words = texts.subscription.dryRun;

interface Props {
  result: DryRunResult | null;
  error: unknown;
  running: boolean;
  stale: boolean;
  /** Why it can't run; null when it can. */
  blocked: string | null;
  onRun: () => void;
}

/** The pipeline on the sample, step by step; nothing is sent. */
export function DryRunPanel({ result, error, running, stale, blocked, onRun }: Props) {
  return (
    <Panel
      id="dry-run"
      title={words.title}
      hint={blocked ?? words.hint}
      actions={
        <Button
          variant={result && !stale ? 'default' : 'light'}
          size="compact-md"
          leftSection={<IconPlayerPlay size={15} />}
          loading={running}
          disabled={blocked !== null}
          onClick={onRun}
        >
          {words.run}
        </Button>
      }
    >
      <div className={classes.result} aria-live="polite">
        {error !== null && error !== undefined && (
          <div className={classes.fault} role="alert">
            <ToneIcon tone="bad" />
            {messageOf(error) || texts.common.offline}
          </div>
        )}
        {result && (
          <div className={stale ? classes.stale : undefined}>
            {stale && (
              <div className={classes.note}>
                <ToneBadge tone="warn">{words.stale}</ToneBadge>
              </div>
            )}
            <Steps steps={messageSteps(result)} />
            {result.actions.map((action) => {
              const Icon = actionIcon(action.type);
              const verdict = actionVerdict(action);
              return (
                <section key={action.action_id} className={classes.action}>
                  <h3 className={classes.heading}>
                    <Icon size={16} stroke={1.7} aria-hidden />
                    <span className={classes.name}>{action.name ?? action.type}</span>
                    <ToneBadge tone={verdict.tone}>{verdict.words}</ToneBadge>
                  </h3>
                  <Steps steps={actionSteps(action)} />
                </section>
              );
            })}
          </div>
        )}
      </div>
    </Panel>
  );
}

function Steps({ steps }: { steps: StepLine[] }) {
  return (
    <ol className={classes.steps}>
      {steps.map((step) => (
        <li key={step.key} className={classes.step}>
          <ToneIcon tone={step.tone} size={14} />
          <div className={classes.stepWords}>
            <span>
              {step.label}
              {step.outcome && (
                <span className={step.tone === 'bad' ? classes.bad : classes.faint}> {step.outcome}</span>
              )}
            </span>
            {step.value !== null && step.value !== undefined && (
              <pre className={classes.value}>{pretty(step.value)}</pre>
            )}
          </div>
        </li>
      ))}
    </ol>
  );
}

function pretty(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value, null, 2) ?? '');
}
