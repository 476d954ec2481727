import { Anchor, Radio, TextInput } from '@mantine/core';
import { useEffect, useState } from 'react';
import { Link, useNavigate } from 'react-router';
import type { ActionDefinition, ActionType, Product, Subscription } from '../../../api/types';
import { ActionIcons, actionIcon } from '../../../components/action-icons';
import { readKept, useKept } from '../../../components/kept-draft';
import { Fields } from '../../../components/layout';
import rows from '../../../components/rows.module.css';
import { Loaded } from '../../../components/states';
import { texts } from '../../../texts';
import type { TaggedConfig } from '../../mqtt-config/mqtt-config-query';
import { TopicPieces } from '../../mqtt-config/topic-config-form';
import { MissingVariables } from '../../mqtt-config/missing-variables';
import { missingVariables, previewTopic } from '../../mqtt-config/topic-preview';
import { EvaluatorProvider, useNewEvaluator } from '../../subscription/expression/evaluator-context';
import { envelopeOf, newSample, resolvedFilter } from '../../subscription/sample-message';
import { actionFields } from '../../subscription/schema-fields';
import { SchemaForm } from '../../subscription/schema-form';
import { actionFaults, newAction, type SubscriptionDraft } from '../../subscription/subscription-draft';
import { useSecretNames } from '../../secrets/secrets-query';
import { useActionTypes } from '../../subscription/subscription-query';
import { useSubscriptionDraft } from '../../subscription/use-subscription-draft';
import { StepForm } from './setup-frame';
import classes from './setup-step.module.css';
import { setupPath } from './setup-steps';

const words = texts.setup.subscription;
const fields = texts.subscription.fields;

interface Props {
  product: Product;
  config: TaggedConfig;
}

/** The first subscription; where there is one already, it is shown and the editor is the place for more. */
export function SubscriptionStep({ product, config }: Props) {
  const { subscriptions } = config.document;
  const types = useActionTypes();
  if (subscriptions.length > 0) return <Existing product={product} subscriptions={subscriptions} />;
  return <Loaded query={types}>{(known) => <First product={product} config={config} types={known} />}</Loaded>;
}

function Existing({ product, subscriptions }: { product: Product; subscriptions: Subscription[] }) {
  const navigate = useNavigate();
  return (
    <StepForm
      step="subscription"
      productId={product.id}
      onNext={() => void navigate(setupPath(product.id, 'listener'))}
      isDone
    >
      <div className={classes.box}>
        <div className={classes.boxTitle}>{words.existing(subscriptions.length)}</div>
        <ul className={rows.rows}>
          {subscriptions.slice(0, SHOWN).map((subscription) => (
            <li key={subscription.id} className={`${rows.row} ${classes.existing}`}>
              <span className={rows.main}>
                <Anchor
                  component={Link}
                  to={`/products/${product.id}/subscriptions/${subscription.id}`}
                  className={rows.title}
                >
                  {subscription.name}
                </Anchor>
                <code className={rows.note}>{subscription.topic_filter}</code>
              </span>
              <ActionIcons actions={subscription.actions} />
            </li>
          ))}
        </ul>
      </div>
      <Anchor component={Link} to={`/products/${product.id}/subscriptions/new`} className={classes.fit}>
        {words.another}
      </Anchor>
    </StepForm>
  );
}

const SHOWN = 5;

/** What to begin with: everything, into the log. */
const DEFAULTS = {
  name: words.name,
  topic: '#',
  actions: [newAction('log', [])],
} satisfies Partial<SubscriptionDraft>;

/** The order in which they are offered: from nothing to set up to a database. */
const OFFERED = ['log', 'webhook', 'publish', 'queue', 'postgres'];

function First({ product, config, types }: Props & { types: ActionType[] }) {
  const navigate = useNavigate();
  const secrets = useSecretNames(product.id);
  const evaluator = useNewEvaluator();
  const key = `setup ${product.id} subscription`;
  const state = useSubscriptionDraft(product.id, null);
  const [begun] = useState(() => ({ ...DEFAULTS, ...readKept<typeof DEFAULTS>(key) }));
  // biome-ignore lint/correctness/useExhaustiveDependencies: once, when the step is opened
  useEffect(() => state.set(begun), []);
  const { draft } = state;
  const isUntouched = draft.actions.length === 0 || JSON.stringify(pick(draft)) === JSON.stringify(DEFAULTS);
  useKept(key, isUntouched ? {} : pick(draft));
  const [now] = useState(() => new Date());

  const { topics } = config.document.mqtt_config;
  const { slug, variables } = product;
  const preview = previewTopic({ id: 0, ...draft }, { topics, variables, slug });
  const filter = resolvedFilter({ prefix: topics.prefix, pattern: topics.pattern, topic: draft.topic, variables });
  const sample = envelopeOf(newSample(filter, now), {
    productId: product.id,
    subscriptionId: 0,
    format: draft.payload_format,
    filter,
  });
  const [action] = draft.actions;
  const setAction = (next: ActionDefinition) => state.set({ actions: [next] });
  const faults = actionFaults(state.faults, 0);

  const next = async () => {
    if ((await state.save()).kind === 'saved') await navigate(setupPath(product.id, 'listener'));
  };

  return (
    <EvaluatorProvider value={evaluator}>
      <StepForm
        step="subscription"
        productId={product.id}
        next={words.create}
        onNext={() => void next()}
        busy={state.saving}
      >
        <Fields>
          <TextInput
            label={fields.name}
            description={words.nameHelp}
            value={draft.name}
            error={state.faults.name}
            autoComplete="off"
            onChange={(event) => state.set({ name: event.currentTarget.value })}
          />
          <TextInput
            label={fields.topic}
            description={words.topicHelp}
            value={draft.topic}
            error={state.faults.topic ?? (draft.topic === '' ? words.noTopic : preview.faults[0])}
            spellCheck={false}
            autoComplete="off"
            classNames={{ input: 'mono' }}
            onChange={(event) => state.set({ topic: event.currentTarget.value })}
          />
        </Fields>
        <MissingVariables
          product={product}
          names={missingVariables(draft.topic, { topics, variables, slug })}
          readOnly={false}
        />
        <div className={classes.box} aria-live="polite">
          <div className={classes.boxTitle}>{words.willReceive}</div>
          {preview.pieces.length > 0 && draft.topic !== '' ? <TopicPieces pieces={preview.pieces} /> : '–'}
          {filter?.topic_filter === '#' && <p className={classes.note}>{words.wide}</p>}
        </div>
        <Radio.Group
          label={words.action}
          value={action?.type ?? ''}
          onChange={(type) => setAction(newAction(type, []))}
          error={faults['']}
        >
          <div className={classes.choices}>
            {offered(types).map((type) => (
              <ActionChoice key={type.type} type={type} isChosen={type.type === action?.type} />
            ))}
          </div>
        </Radio.Group>
        {action && (
          <ActionFields
            action={action}
            types={types}
            onChange={setAction}
            faults={faults}
            context={{ sample, secrets: secrets.data ?? [], productId: product.id, readOnly: false }}
          />
        )}
        <p className={classes.note}>{words.later}</p>
      </StepForm>
    </EvaluatorProvider>
  );
}

function ActionChoice({ type, isChosen }: { type: ActionType; isChosen: boolean }) {
  const Icon = actionIcon(type.type);
  return (
    <Radio.Card value={type.type} className={`${classes.choice} ${isChosen ? classes.chosen : ''}`}>
      <Icon size={20} stroke={1.7} aria-hidden />
      <span className={classes.choiceWords}>
        <span className={classes.choiceTitle}>{type.title}</span>
        <span className={classes.note}>{texts.setup.actionHelp[type.type] ?? type.description}</span>
      </span>
      <Radio.Indicator size="sm" />
    </Radio.Card>
  );
}

/** What the chosen type can't do without. */
function ActionFields({
  action,
  types,
  onChange,
  faults,
  context,
}: {
  action: ActionDefinition;
  types: ActionType[];
  onChange: (action: ActionDefinition) => void;
} & Pick<Parameters<typeof SchemaForm>[0], 'faults' | 'context'>) {
  const type = types.find((one) => one.type === action.type);
  const needed = type ? actionFields(type.schema).own.filter((field) => field.required || faults[field.name]) : [];
  if (needed.length === 0) return null;
  return (
    <SchemaForm
      fields={needed}
      value={action}
      onChange={(name, value) => onChange({ ...action, [name]: value })}
      faults={faults}
      context={context}
    />
  );
}

function offered(types: ActionType[]): ActionType[] {
  const place = ({ type }: ActionType) => (OFFERED.includes(type) ? OFFERED.indexOf(type) : OFFERED.length);
  return [...types].sort((a, b) => place(a) - place(b));
}

const pick = ({ name, topic, actions }: SubscriptionDraft) => ({ name, topic, actions });
