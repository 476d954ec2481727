import { NativeSelect, Switch, TextInput, Textarea } from '@mantine/core';
import type { PayloadFormat, QoS } from '../../api/types';
import { Fold } from '../../components/fold';
import { IntegerInput } from '../../components/integer-input';
import { Fields, Wide } from '../../components/layout';
import { texts } from '../../texts';
import { TopicPieces } from '../mqtt-config/topic-config-form';
import type { previewTopic } from '../mqtt-config/topic-preview';
import classes from './subscription-page.module.css';
import type { SubscriptionDraftState } from './use-subscription-draft';

const words = texts.subscription;

interface Props {
  state: SubscriptionDraftState;
  readOnly: boolean;
  preview: ReturnType<typeof previewTopic>;
}

/** Which messages start it: the topic, and how their payload, order and identity are read. */
export function TriggerFields({ state, readOnly, preview }: Props) {
  const { draft, faults, set } = state;
  const orderingKind = draft.ordering === 'none' || draft.ordering === 'topic' ? draft.ordering : 'key';
  return (
    <div className={classes.stack}>
      <Fields>
        <TextInput
          label={words.fields.name}
          value={draft.name}
          error={faults.name}
          disabled={readOnly}
          required
          withAsterisk={false}
          onChange={(event) => set({ name: event.currentTarget.value })}
        />
        <TextInput
          label={words.fields.topic}
          value={draft.topic}
          error={faults.topic ?? (draft.topic === '' ? undefined : preview.faults[0])}
          disabled={readOnly}
          required
          withAsterisk={false}
          spellCheck={false}
          classNames={{ input: 'mono' }}
          onChange={(event) => set({ topic: event.currentTarget.value })}
        />
      </Fields>
      <div className={classes.preview}>
        {preview.pieces.length > 0 && draft.topic !== '' && <TopicPieces pieces={preview.pieces} />}
        <span className={classes.note}>{words.help.topic}</span>
      </div>
      <Fold
        title={words.more}
        hint={words.moreHint}
        opened={['description', 'qos', 'payload_format', 'message_key', 'concurrency', 'ordering'].some(
          (name) => faults[name],
        )}
      >
        <Fields>
          <Wide>
            <Switch
              label={words.fields.absolute_topic}
              checked={draft.absolute_topic}
              disabled={readOnly}
              onChange={(event) => set({ absolute_topic: event.currentTarget.checked })}
            />
          </Wide>
          <Wide>
            <Textarea
              label={words.fields.description}
              value={draft.description}
              error={faults.description}
              disabled={readOnly}
              autosize
              minRows={1}
              onChange={(event) => set({ description: event.currentTarget.value })}
            />
          </Wide>
          <NativeSelect
            label={words.fields.payload_format}
            value={draft.payload_format}
            disabled={readOnly}
            onChange={(event) => set({ payload_format: event.currentTarget.value as PayloadFormat })}
            data={Object.entries(words.formats).map(([value, label]) => ({ value, label }))}
          />
          <NativeSelect
            label={words.fields.qos}
            value={draft.qos === null ? '' : String(draft.qos)}
            disabled={readOnly}
            onChange={(event) =>
              set({ qos: event.currentTarget.value === '' ? null : (Number(event.currentTarget.value) as QoS) })
            }
            data={[{ value: '', label: words.help.qos }, '0', '1', '2']}
          />
          <NativeSelect
            label={words.fields.ordering}
            description={words.help.ordering}
            value={orderingKind}
            disabled={readOnly}
            onChange={(event) => {
              const kind = event.currentTarget.value;
              set({ ordering: kind === 'key' ? 'payload.id' : kind });
            }}
            data={Object.entries(words.orderings).map(([value, label]) => ({ value, label }))}
          />
          {orderingKind === 'key' ? (
            <TextInput
              label={words.help.orderingKey}
              value={draft.ordering}
              error={faults.ordering}
              disabled={readOnly}
              classNames={{ input: 'mono' }}
              onChange={(event) => set({ ordering: event.currentTarget.value })}
            />
          ) : (
            <IntegerInput
              label={words.fields.concurrency}
              description={words.help.concurrency}
              value={draft.concurrency}
              error={faults.concurrency}
              disabled={readOnly}
              min={1}
              onChange={(concurrency) => set({ concurrency })}
            />
          )}
          <Wide>
            <TextInput
              label={words.fields.message_key}
              description={words.help.messageKey}
              value={draft.message_key ?? ''}
              error={faults.message_key}
              disabled={readOnly}
              classNames={{ input: 'mono' }}
              onChange={(event) => set({ message_key: event.currentTarget.value || null })}
            />
          </Wide>
        </Fields>
      </Fold>
    </div>
  );
}
