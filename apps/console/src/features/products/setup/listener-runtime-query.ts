import { useQuery } from '@tanstack/react-query';

/** Whether the server starts listeners itself, or people do (`none`). */
export type ListenerRuntime = 'process' | 'docker' | 'kubernetes' | 'none';

export function useListenerRuntime() {
  return useQuery({
    queryKey: ['listener-runtime'],
    queryFn: async ({ signal }): Promise<ListenerRuntime> => {
      const answer = (await (await fetch('/healthz', { signal })).json()) as { listener_runtime?: ListenerRuntime };
      return answer.listener_runtime ?? 'none';
    },
    staleTime: Number.POSITIVE_INFINITY,
  });
}
