import { Input, SegmentedControl, Switch, Text, TextInput, Tooltip, UnstyledButton } from '@mantine/core';
import { IconAlertCircle } from '@tabler/icons-react';
import { useRef } from 'react';
import type { Product, Subscription } from '../../api/types';
import { Fields } from '../../components/layout';
import { texts } from '../../texts';
import type { FieldBinder } from './form-fields';
import classes from './topic-config-form.module.css';
import { previewTopics, type TopicParts, type TopicPreview } from './topic-preview';

interface Props {
  bind: FieldBinder;
  product: Pick<Product, 'slug' | 'variables'>;
  subscriptions: Subscription[];
}

const words = texts.mqttConfig;
const PREVIEWED = 4;

/** Prefix, pattern, QoS and sharing, with what the broker will really be asked for. */
export function TopicConfigForm({ bind, product, subscriptions }: Props) {
  const focused = useRef<'topics.prefix' | 'topics.pattern'>('topics.prefix');
  const topics = topicsIn(bind);
  const qos = bind.read<number>('topics.qos');
  const variables = Object.entries(product.variables);
  const insert = (name: string) => {
    const field = focused.current;
    const text = bind.read<string | null>(field) ?? '';
    bind.write(field, `${text}${text === '' || text.endsWith('/') ? '' : '/'}{${name}}`);
  };
  return (
    <div className={classes.form}>
      <Fields>
        <TextInput
          {...bind.text('topics.prefix')}
          description={words.help.prefix}
          placeholder="factory/{site}"
          spellCheck={false}
          classNames={{ input: 'mono' }}
          onFocus={() => {
            focused.current = 'topics.prefix';
          }}
        />
        <TextInput
          {...bind.text('topics.pattern')}
          description={words.help.pattern}
          placeholder="line/#"
          spellCheck={false}
          classNames={{ input: 'mono' }}
          onFocus={() => {
            focused.current = 'topics.pattern';
          }}
        />
      </Fields>
      <div className={classes.variables}>
        <span className={classes.caption}>{words.variables}</span>
        {variables.length === 0 && <span className={classes.note}>{words.noVariables}</span>}
        {variables.map(([name, value]) => (
          <Tooltip key={name} label={words.insertVariable(name, words.fields[focused.current] ?? '')}>
            <UnstyledButton
              className={classes.variable}
              disabled={bind.readOnly}
              onMouseDown={(event) => event.preventDefault()}
              onClick={() => insert(name)}
            >
              <code>{`{${name}}`}</code>
              <span>{value}</span>
            </UnstyledButton>
          </Tooltip>
        ))}
      </div>
      <Preview
        previews={previewTopics(
          subscriptions,
          { ...product, topics },
          { limit: PREVIEWED, example: words.previewExample },
        )}
        total={subscriptions.filter((one) => one.enabled && !one.absolute_topic).length}
      />
      <Fields>
        <Input.Wrapper label={words.fields['topics.qos']} labelElement="div" description={words.qosLevels[qos]?.hint}>
          <SegmentedControl
            fullWidth
            aria-label={words.fields['topics.qos']}
            disabled={bind.readOnly}
            value={String(qos)}
            onChange={(value) => bind.write('topics.qos', Number(value))}
            data={words.qosLevels.map((level, value) => ({ value: String(value), label: level.label }))}
          />
        </Input.Wrapper>
        <div className={classes.shared}>
          <Switch {...bind.toggle('topics.use_shared')} label={words.help.shared} description={words.help.sharedHint} />
          {topics.use_shared && (
            <TextInput
              {...bind.text('topics.shared_group')}
              description={words.help.sharedGroup}
              placeholder={`cortex-${product.slug}`}
              spellCheck={false}
              classNames={{ input: 'mono' }}
            />
          )}
        </div>
      </Fields>
    </div>
  );
}

/** The topics section as it stands in the form. */
export function topicsIn(bind: Pick<FieldBinder, 'read'>): TopicParts {
  return {
    prefix: bind.read<string | null>('topics.prefix') ?? '',
    pattern: bind.read<string | null>('topics.pattern') ?? '',
    use_shared: bind.read<boolean>('topics.use_shared'),
    shared_group: bind.read<string | null>('topics.shared_group'),
  };
}

function Preview({ previews, total }: { previews: ReturnType<typeof previewTopics>; total: number }) {
  return (
    <div className={classes.preview} aria-live="polite">
      <div className={classes.caption}>
        {words.preview}
        {total === 0 && <span className={classes.note}> · {words.previewAll}</span>}
      </div>
      <ul className={classes.filters}>
        {previews.map((preview) => (
          <li key={preview.key} className={classes.filter}>
            {preview.pieces.length > 0 ? (
              <TopicPieces pieces={preview.pieces} />
            ) : (
              <span className={classes.fault}>
                <IconAlertCircle size={15} aria-hidden />
                {preview.faults[0] ?? '–'}
              </span>
            )}
            {preview.name && (
              <Text component="span" className={classes.note}>
                {preview.name}
              </Text>
            )}
          </li>
        ))}
      </ul>
      {total > previews.length && <div className={classes.note}>{words.previewMore(total - previews.length)}</div>}
    </div>
  );
}

/** A filter with the colour of what each part comes from. */
export function TopicPieces({ pieces }: { pieces: TopicPreview['pieces'] }) {
  return (
    <code className={classes.pieces}>
      {pieces.map((piece) => (
        <span key={piece.part} className={classes[piece.part]}>
          {piece.text}
        </span>
      ))}
    </code>
  );
}
