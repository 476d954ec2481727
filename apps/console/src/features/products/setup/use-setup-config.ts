import { useEffect, useState } from 'react';
import type { Product } from '../../../api/types';
import { readKept, useKept } from '../../../components/kept-draft';
import { type ConfigDraft, isSecretField } from '../../mqtt-config/config-draft';
import { createBinder, type FieldBinder } from '../../mqtt-config/form-fields';
import type { TaggedConfig } from '../../mqtt-config/mqtt-config-query';
import { topicsIn } from '../../mqtt-config/topic-config-form';
import { sectionFaults } from '../../mqtt-config/topic-preview';
import { type ConfigDraftState, useConfigDraft } from '../../mqtt-config/use-config-draft';

export interface SetupConfig {
  state: ConfigDraftState;
  bind: FieldBinder;
  /** Faults that are known without asking the server, by field. */
  localFaults: Record<string, string>;
  /** A secret was typed that is not saved yet: the one thing that is not kept over a reload. */
  hasTypedSecret: boolean;
}

/** The configuration as a step of the path edits it; what was typed is there again after a reload, secrets excepted. */
export function useSetupConfig({
  product,
  loaded,
  step,
  faultsOf,
}: {
  product: Product;
  loaded: TaggedConfig;
  step: 'broker' | 'topics';
  /** What the step itself finds wanting. */
  faultsOf?: (draft: ConfigDraft) => Record<string, string>;
}): SetupConfig {
  const key = `setup ${product.id} ${step}`;
  const state = useConfigDraft(product.id, loaded);
  const [kept] = useState(() => readKept(key));
  // biome-ignore lint/correctness/useExhaustiveDependencies: once, when the step is opened
  useEffect(() => {
    for (const [field, value] of Object.entries(kept)) if (field in state.base) state.set(field, value);
  }, []);
  useKept(
    key,
    Object.fromEntries(
      state.changes.filter(({ field }) => !isSecretField(field)).map(({ field, after }) => [field, after ?? null]),
    ),
  );
  const topics = topicsIn({ read: <T>(field: string) => state.draft[field] as T });
  const localFaults = {
    ...sectionFaults({ slug: product.slug, variables: product.variables, topics }),
    ...faultsOf?.(state.draft),
  };
  return {
    state,
    bind: createBinder(state, { readOnly: false, localFaults }),
    localFaults,
    hasTypedSecret: state.changes.some(({ field }) => isSecretField(field)),
  };
}
