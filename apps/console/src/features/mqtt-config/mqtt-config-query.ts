import { useQuery } from '@tanstack/react-query';
import { request } from '../../api/client';
import { keys } from '../../api/keys';
import type { MqttConfigDocument } from '../../api/types';

/** The configuration with the tag of the version it was read at. */
export interface TaggedConfig {
  document: MqttConfigDocument;
  etag: string | null;
}

/** Counters of few subscriptions are asked for often; the answer for thousands is megabytes. */
const MANY_SUBSCRIPTIONS = 500;

export async function readMqttConfig(productId: number, signal?: AbortSignal): Promise<TaggedConfig> {
  const { data, etag } = await request<MqttConfigDocument>('GET', `/products/${productId}/mqtt-config`, { signal });
  return { document: data, etag: etag ?? `"${data.revision}"` };
}

export function useMqttConfig(productId: number) {
  return useQuery({
    queryKey: keys.mqttConfig(productId),
    queryFn: ({ signal }) => readMqttConfig(productId, signal),
    refetchInterval: (query) =>
      (query.state.data?.document.subscriptions.length ?? 0) > MANY_SUBSCRIPTIONS ? 30_000 : 5_000,
  });
}
