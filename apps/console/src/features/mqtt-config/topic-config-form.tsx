import { Input, SegmentedControl, Switch, Text, TextInput, Tooltip, UnstyledButton } from '@mantine/core';
import { IconAlertCircle } from '@tabler/icons-react';
import { useEffect, useState } from 'react';
import type { Product, Subscription } from '../../api/types';
import { Fold } from '../../components/fold';
import { Fields } from '../../components/layout';
import { texts } from '../../texts';
import type { FieldBinder } from './form-fields';
import classes from './topic-config-form.module.css';
import { MissingVariables } from './missing-variables';
import { missingVariables, previewTopics, type TopicParts, type TopicPreview } from './topic-preview';

interface Props {
  bind: FieldBinder;
  product: Pick<Product, 'id' | 'slug' | 'variables'>;
  subscriptions: Subscription[];
  /** Only what a beginner needs is in sight, the rest is folded away. */
  brief?: true;
}

const PLACED_FIELDS = ['topics.prefix', 'topics.pattern'] as const;
type PlacedField = (typeof PLACED_FIELDS)[number];

const words = texts.mqttConfig;
const PREVIEWED = 4;

/** Prefix, pattern, QoS and sharing, with what the broker will really be asked for. */
export function TopicConfigForm({ bind, product, subscriptions, brief }: Props) {
  const pattern = (
    <TopicInput bind={bind} field="topics.pattern" description={words.help.pattern} placeholder="line/#" />
  );
  return (
    <div className={classes.form}>
      <Fields columns={brief ? 1 : 2}>
        <TopicInput bind={bind} field="topics.prefix" description={words.help.prefix} placeholder="factory/{site}" />
        {!brief && pattern}
      </Fields>
      {(!brief || Object.keys(product.variables).length > 0) && <Placeholders bind={bind} product={product} />}
      <MissingVariables
        product={product}
        names={missingVariables('x', { ...product, topics: topicsIn(bind) })}
        readOnly={bind.readOnly}
      />
      <Preview
        previews={previewTopics(
          subscriptions,
          { ...product, topics: topicsIn(bind) },
          { limit: PREVIEWED, example: words.previewExample },
        )}
        total={subscriptions.filter((one) => one.enabled && !one.absolute_topic).length}
      />
      {brief ? (
        <Fold title={words.moreTopics} hint={words.moreTopicsHint} opened={Boolean(bind.error('topics.pattern'))}>
          <div className={classes.form}>
            {pattern}
            <Receiving bind={bind} product={product} />
          </div>
        </Fold>
      ) : (
        <Receiving bind={bind} product={product} />
      )}
    </div>
  );
}

function TopicInput({
  bind,
  field,
  ...others
}: {
  bind: FieldBinder;
  field: PlacedField;
  description: string;
  placeholder: string;
}) {
  return <TextInput {...bind.text(field)} {...others} spellCheck={false} classNames={{ input: 'mono' }} />;
}

/** The product's variables; a click puts one where the cursor was last. */
function Placeholders({ bind, product }: Pick<Props, 'bind' | 'product'>) {
  const [target, setTarget] = useState<PlacedField>('topics.prefix');
  useEffect(() => {
    const follow = ({ target: focused }: FocusEvent) => {
      const field = PLACED_FIELDS.find((name) => focused instanceof HTMLInputElement && focused.name === name);
      if (field) setTarget(field);
    };
    document.addEventListener('focusin', follow);
    return () => document.removeEventListener('focusin', follow);
  }, []);
  const variables = Object.entries(product.variables);
  const insert = (name: string) => {
    const text = bind.read<string | null>(target) ?? '';
    bind.write(target, `${text}${text === '' || text.endsWith('/') ? '' : '/'}{${name}}`);
  };
  return (
    <div className={classes.variables}>
      <span className={classes.caption}>{words.variables}</span>
      {variables.length === 0 && <span className={classes.note}>{words.noVariables}</span>}
      {variables.map(([name, value]) => (
        <Tooltip key={name} label={words.insertVariable(name, words.fields[target] ?? '')}>
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
  );
}

/** How messages are received: quality of service, and whether several listeners divide them. */
function Receiving({ bind, product }: Pick<Props, 'bind' | 'product'>) {
  const qos = bind.read<number>('topics.qos');
  return (
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
        {bind.read<boolean>('topics.use_shared') && (
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
