import { Button, Skeleton } from '@mantine/core';
import { IconCloudOff, IconMoodEmpty, IconRefresh, IconSearchOff } from '@tabler/icons-react';
import type { UseQueryResult } from '@tanstack/react-query';
import type { ComponentType, ReactNode } from 'react';
import { ApiError, messageOf } from '../api/problem';
import { texts } from '../texts';
import classes from './states.module.css';

interface EmptyProps {
  title: string;
  hint?: ReactNode;
  action?: ReactNode;
  icon?: ComponentType<{ size?: number; stroke?: number; 'aria-hidden'?: boolean }>;
}

/** Nothing here yet: says what it would be, and what to do. */
export function Empty({ title, hint, action, icon: Icon = IconMoodEmpty }: EmptyProps) {
  return (
    <div className={classes.state}>
      <span className={classes.icon}>
        <Icon size={26} stroke={1.6} aria-hidden />
      </span>
      <div className={classes.title}>{title}</div>
      {hint && <div className={classes.hint}>{hint}</div>}
      {action && <div className={classes.action}>{action}</div>}
    </div>
  );
}

/** A search without a result, and the way back. */
export function NoMatch({ query, onClear }: { query: string; onClear: () => void }) {
  return (
    <Empty
      icon={IconSearchOff}
      title={texts.common.noMatch}
      hint={query ? texts.common.noMatchHint(query) : undefined}
      action={
        <Button variant="default" onClick={onClear}>
          {texts.common.clearSearch}
        </Button>
      }
    />
  );
}

/** Something could not be loaded: why, and a way to try again. */
export function Failure({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const requestId = error instanceof ApiError ? error.problem.request_id : undefined;
  const isOffline = error instanceof ApiError && error.status === 0;
  return (
    <div className={classes.state} role="alert">
      <span className={`${classes.icon} ${classes.bad}`}>
        <IconCloudOff size={26} stroke={1.6} aria-hidden />
      </span>
      <div className={classes.title}>{texts.common.loadFailed}</div>
      <div className={classes.hint}>{isOffline ? texts.common.offline : messageOf(error)}</div>
      {requestId && <div className={classes.request}>{texts.common.requestId(requestId)}</div>}
      {onRetry && (
        <div className={classes.action}>
          <Button variant="default" leftSection={<IconRefresh size={16} />} onClick={onRetry}>
            {texts.common.retry}
          </Button>
        </div>
      )}
    </div>
  );
}

/** Rows that stand for a list while it loads. */
export function LoadingRows({ rows = 4 }: { rows?: number }) {
  return (
    <div className={classes.rows} role="status" aria-label={texts.common.loading}>
      {Array.from({ length: rows }, (_, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: rows without identity
        <div key={index} className={classes.row}>
          <Skeleton height={14} width={`${38 + ((index * 17) % 30)}%`} />
          <Skeleton height={10} width={`${18 + ((index * 23) % 25)}%`} />
        </div>
      ))}
    </div>
  );
}

interface LoadedProps<T> {
  query: Pick<UseQueryResult<T>, 'data' | 'error' | 'isError'> & { refetch: () => Promise<unknown> };
  children: (data: T) => ReactNode;
  loading?: ReactNode;
}

/** Shows what a query has: a skeleton, the error with a retry, or the data. Data once loaded stays while it refreshes. */
export function Loaded<T>({ query, children, loading = <LoadingRows /> }: LoadedProps<T>) {
  if (query.data !== undefined) return children(query.data);
  if (query.isError) return <Failure error={query.error} onRetry={() => void query.refetch()} />;
  return loading;
}
