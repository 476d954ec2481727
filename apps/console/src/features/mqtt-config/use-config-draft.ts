import { useQueryClient } from '@tanstack/react-query';
import { useMemo } from 'react';
import { request } from '../../api/client';
import { keys } from '../../api/keys';
import type { MqttConfigDocument } from '../../api/types';
import { notifyDone } from '../../components/notify';
import { texts } from '../../texts';
import { bodyOf, draftOf } from './config-draft';
import type { Tagged } from './merged-editing';
import { readMqttConfig, type TaggedConfig } from './mqtt-config-query';
import { type MergedDraft, useMergedDraft } from './use-merged-draft';

export type ConfigDraftState = Omit<MergedDraft<TaggedConfig>, 'set'> & {
  set: (field: string, value: unknown) => void;
};

/** The form of a product's configuration. */
export function useConfigDraft(productId: number, loaded: TaggedConfig): ConfigDraftState {
  const queryClient = useQueryClient();
  const known = useMemo(() => tagged(loaded), [loaded]);
  const keep = (config: TaggedConfig) => queryClient.setQueryData(keys.mqttConfig(productId), config);
  const state = useMergedDraft<TaggedConfig>({
    loaded: known,
    keepAs: `product ${productId} mqtt-config`,
    write: async (changes, ifMatch) => {
      const path = `/products/${productId}/mqtt-config` as const;
      // An answer that is on its way would bring the old values back.
      await queryClient.cancelQueries({ queryKey: keys.mqttConfig(productId), exact: true });
      const { data, etag } = await request<MqttConfigDocument>('PUT', path, { body: bodyOf(changes), ifMatch });
      const saved = { document: data, etag: etag ?? `"${data.revision}"` };
      keep(saved);
      notifyDone(texts.mqttConfig.saved(data.revision));
      return saved;
    },
    readNewest: async () => {
      const newest = await readMqttConfig(productId);
      await queryClient.cancelQueries({ queryKey: keys.mqttConfig(productId), exact: true });
      keep(newest);
      return tagged(newest);
    },
    savedAs: tagged,
    showsFault: (field) => field in known.values,
    labelOf: fieldName,
  });
  return { ...state, set: (field, value) => state.set({ [field]: value }) };
}

const tagged = ({ document, etag }: TaggedConfig): Tagged => ({ values: draftOf(document), etag });

const fieldName = (field: string): string => texts.mqttConfig.fields[field] ?? field;

export function fieldNames(changes: { field: string }[]): string {
  return changes.map(({ field }) => fieldName(field)).join(', ');
}
