import { useNavigate } from 'react-router';
import type { Product } from '../../../api/types';
import type { TaggedConfig } from '../../mqtt-config/mqtt-config-query';
import { ConflictDialog } from '../../mqtt-config/save-dialogs';
import { TopicConfigForm } from '../../mqtt-config/topic-config-form';
import { StepForm } from './setup-frame';
import { setupPath } from './setup-steps';
import { useSetupConfig } from './use-setup-config';

/** What all topics begin with, shown as the filter that the broker will be asked for. */
export function TopicsStep({ product, loaded }: { product: Product; loaded: TaggedConfig }) {
  const navigate = useNavigate();
  const { state, bind, localFaults } = useSetupConfig({ product, loaded, step: 'topics' });
  const next = async () => {
    const [faulty] = Object.keys(localFaults);
    if (faulty) {
      document.getElementsByName(faulty)[0]?.focus();
      return;
    }
    if (state.changes.length > 0 && (await state.save()).kind !== 'saved') return;
    await navigate(setupPath(product.id, 'subscription'));
  };
  return (
    <StepForm step="topics" productId={product.id} onNext={() => void next()} busy={state.saving} isDone>
      <TopicConfigForm bind={bind} product={product} subscriptions={loaded.document.subscriptions} brief />
      <ConflictDialog
        opened={!state.saving}
        conflicts={state.conflicts}
        onClose={() => state.resolve({})}
        onResolve={state.resolve}
      />
    </StepForm>
  );
}
