import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { apiUrl, get } from '../../api/client';
import { keys } from '../../api/keys';
import { openLiveStream } from '../../api/live-stream';
import type { ConnectionStatus } from '../../api/types';

/** How the status arrives: pushed by the server, or asked for while the stream is down. */
export type LiveMode = 'stream' | 'polling';

const POLL_INTERVAL_MS = 5_000;
/** Beside the stream: a connection that hangs without an end tells nothing, and looks like a product at rest. */
const CHECK_INTERVAL_MS = 30_000;

const streams = new Map<
  number,
  { users: number; close: () => void; onMode: Set<(mode: LiveMode) => void>; mode: LiveMode }
>();

/** Live status of a product: server-sent events, and a poll every 5 s whenever those do not come. */
export function useConnectionStatus(productId: number): {
  status: ConnectionStatus | undefined;
  mode: LiveMode;
  /** Why there is no status yet. */
  error: unknown;
  retry: () => void;
} {
  const queryClient = useQueryClient();
  const [mode, setMode] = useState<LiveMode>('polling');
  const query = useQuery({
    queryKey: keys.status(productId),
    queryFn: ({ signal }) => get<ConnectionStatus>(`/products/${productId}/mqtt-config/status`, { signal }),
    refetchInterval: mode === 'stream' ? CHECK_INTERVAL_MS : POLL_INTERVAL_MS,
    enabled: Number.isInteger(productId),
  });

  useEffect(() => {
    if (!Number.isInteger(productId)) return;
    return joinStream(productId, setMode, (status) => queryClient.setQueryData(keys.status(productId), status));
  }, [productId, queryClient]);

  return { status: query.data, mode, error: query.error, retry: () => void query.refetch() };
}

/** One stream a product, however many parts of the page look at it. */
function joinStream(productId: number, onMode: (mode: LiveMode) => void, onStatus: (status: ConnectionStatus) => void) {
  let stream = streams.get(productId);
  if (!stream) {
    const opened = {
      users: 0,
      onMode: new Set<(mode: LiveMode) => void>(),
      mode: 'polling' as LiveMode,
      close: () => {},
    };
    const switchTo = (mode: LiveMode) => {
      opened.mode = mode;
      for (const listener of opened.onMode) listener(mode);
    };
    opened.close = openLiveStream(apiUrl(`/products/${productId}/mqtt-config/status/stream`), {
      events: {
        status: (data) => {
          switchTo('stream');
          onStatus(JSON.parse(data) as ConnectionStatus);
        },
      },
      onCut: () => switchTo('polling'),
    });
    streams.set(productId, opened);
    stream = opened;
  }
  const joined = stream;
  joined.users += 1;
  joined.onMode.add(onMode);
  onMode(joined.mode);
  return () => {
    joined.onMode.delete(onMode);
    joined.users -= 1;
    if (joined.users === 0) {
      joined.close();
      streams.delete(productId);
    }
  };
}
