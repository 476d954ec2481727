import { Input, SegmentedControl, TextInput } from '@mantine/core';
import { Fold } from '../../components/fold';
import { IntegerInput } from '../../components/integer-input';
import { Fields } from '../../components/layout';
import { texts } from '../../texts';
import type { FieldBinder } from './form-fields';

const FIELDS = [
  'delivery.handover_after_ms',
  'failover.subscribe_on',
  'failover.after_s',
  'failover.failback_after_s',
  'probe.topic',
  'probe.interval_s',
];

/** When deliveries go to the queue, when another broker is tried, and the canary that proves the path. */
export function ReliabilityForm({ bind }: { bind: FieldBinder }) {
  const words = texts.mqttConfig;
  const isOnAll = bind.read<string>('failover.subscribe_on') === 'all';
  return (
    <Fold title={words.reliability} hint={words.reliabilityHint} opened={FIELDS.some((field) => bind.error(field))}>
      <Fields>
        <IntegerInput
          {...bind.number('delivery.handover_after_ms')}
          description={words.help.handover}
          min={1}
          max={60_000}
        />
        <Input.Wrapper
          label={words.fields['failover.subscribe_on']}
          labelElement="div"
          description={isOnAll ? words.help.subscribeOnAll : words.help.subscribeOnOne}
          error={bind.error('failover.subscribe_on')}
        >
          <SegmentedControl
            fullWidth
            aria-label={words.fields['failover.subscribe_on']}
            disabled={bind.readOnly}
            value={isOnAll ? 'all' : 'one'}
            onChange={(value) => bind.write('failover.subscribe_on', value)}
            data={words.subscribeOn}
          />
        </Input.Wrapper>
        <IntegerInput
          {...bind.number('failover.after_s')}
          description={isOnAll ? words.help.withoutFailover : words.help.failoverAfter}
          disabled={bind.readOnly || isOnAll}
          min={1}
        />
        <IntegerInput
          {...bind.number('failover.failback_after_s')}
          description={isOnAll ? words.help.withoutFailover : words.help.failbackAfter}
          disabled={bind.readOnly || isOnAll}
          min={1}
        />
        <TextInput {...bind.text('probe.topic')} description={words.help.probeTopic} classNames={{ input: 'mono' }} />
        <IntegerInput {...bind.number('probe.interval_s')} min={1} max={3_600} />
      </Fields>
    </Fold>
  );
}
