import { ActionIcon, Anchor, Button, Input, NativeSelect, Switch, TagsInput, Textarea, TextInput } from '@mantine/core';
import { IconPlus, IconX } from '@tabler/icons-react';
import { useState } from 'react';
import { Link } from 'react-router';
import { Fields, Wide } from '../../components/layout';
import { IntegerInput } from '../../components/integer-input';
import { texts } from '../../texts';
import { same } from '../mqtt-config/config-draft';
import { ExpressionField } from './expression/expression-field';
import type { SampleEnvelope } from './sample-message';
import type { FieldSpec } from './schema-fields';
import classes from './schema-form.module.css';

const words = texts.subscription;

export interface FormContext {
  sample: SampleEnvelope;
  /** Names of the product's secrets. */
  secrets: string[];
  productId: number;
  readOnly: boolean;
}

interface Props {
  fields: FieldSpec[];
  value: Record<string, unknown>;
  onChange: (name: string, value: unknown) => void;
  faults: Record<string, string>;
  context: FormContext;
}

/** Inputs for the fields of an action, made from its JSON Schema. */
export function SchemaForm({ fields, value, onChange, faults, context }: Props) {
  return (
    <Fields>
      {fields.map((field) => {
        const input = (
          <Field
            key={field.name}
            field={field}
            value={value[field.name]}
            onChange={(next) => onChange(field.name, next)}
            faults={faults}
            context={context}
          />
        );
        return isNarrow(field) ? input : <Wide key={field.name}>{input}</Wide>;
      })}
    </Fields>
  );
}

function isNarrow(field: FieldSpec): boolean {
  return ['integer', 'choice', 'boolean', 'secret', 'integer-list'].includes(field.kind);
}

interface FieldProps {
  field: FieldSpec;
  value: unknown;
  onChange: (value: unknown) => void;
  faults: Record<string, string>;
  context: FormContext;
}

function Field({ field, value, onChange, faults, context }: FieldProps) {
  const error = faultOf(field.name, faults);
  const common = {
    label: field.label,
    description: field.help || undefined,
    error,
    disabled: context.readOnly,
    required: field.required,
    withAsterisk: field.required,
  };
  const text = typeof value === 'string' ? value : '';
  switch (field.kind) {
    case 'text':
    case 'template':
      return (
        <TextInput
          {...common}
          value={text}
          spellCheck={false}
          classNames={field.kind === 'template' ? { input: 'mono' } : undefined}
          onChange={(event) => onChange(event.currentTarget.value)}
        />
      );
    case 'multiline':
    case 'multiline-template':
    case 'sql':
      return (
        <Textarea
          {...common}
          value={text}
          autosize
          minRows={field.kind === 'sql' ? 3 : 2}
          maxRows={14}
          spellCheck={false}
          classNames={{ input: 'mono' }}
          onChange={(event) => onChange(event.currentTarget.value)}
        />
      );
    case 'jsonata':
      return (
        <ExpressionField
          label={field.label}
          description={field.help}
          value={text}
          onChange={onChange}
          sample={context.sample}
          error={error}
          readOnly={context.readOnly}
          minLines={field.name === 'input' ? 3 : 1}
        />
      );
    case 'integer':
      return (
        <IntegerInput
          {...common}
          value={typeof value === 'number' ? value : null}
          min={field.minimum}
          max={field.maximum}
          onChange={(next) => onChange(next ?? undefined)}
        />
      );
    case 'boolean':
      return (
        <Switch
          label={field.label}
          description={field.help}
          error={error}
          disabled={context.readOnly}
          checked={value === true}
          onChange={(event) => onChange(event.currentTarget.checked)}
        />
      );
    case 'choice':
      return (
        <NativeSelect
          {...common}
          value={value === undefined || value === null ? '' : String(value)}
          onChange={(event) => onChange(field.choices.find((choice) => String(choice) === event.currentTarget.value))}
          data={[
            ...(field.required ? [] : [{ value: '', label: words.choiceDefault }]),
            ...field.choices.map((choice) => ({ value: String(choice), label: String(choice) })),
          ]}
        />
      );
    case 'secret':
      return <SecretPicker {...common} value={text} onChange={onChange} context={context} />;
    case 'secrets':
      return (
        <div>
          <TagsInput
            {...common}
            value={textList(value)}
            onChange={(next) => onChange(next)}
            data={context.secrets}
            placeholder={textList(value).length === 0 ? words.secret.pick : undefined}
            clearable
          />
          <SecretsLink context={context} />
        </div>
      );
    case 'integer-list':
      return (
        <TagsInput
          {...common}
          value={Array.isArray(value) ? value.map(String) : []}
          onChange={(next) => onChange(next.map(Number).filter(Number.isInteger))}
          splitChars={[',', ' ']}
        />
      );
    case 'text-list':
      return <TagsInput {...common} value={textList(value)} onChange={(next) => onChange(next)} />;
    case 'jsonata-list':
      return (
        <ExpressionList field={field} value={textList(value)} onChange={onChange} faults={faults} context={context} />
      );
    case 'map':
      return <MapField {...common} value={value} onChange={onChange} />;
    case 'group':
      return (
        <Input.Wrapper label={field.label} labelElement="div" description={field.help}>
          <div className={classes.group}>
            <Fields columns={3}>
              {field.fields.map((inner) => (
                <Field
                  key={inner.name}
                  field={inner}
                  value={(value as Record<string, unknown> | null | undefined)?.[inner.name]}
                  onChange={(next) => onChange({ ...(value as object | null), [inner.name]: next })}
                  faults={innerFaults(field.name, faults)}
                  context={context}
                />
              ))}
            </Fields>
          </div>
        </Input.Wrapper>
      );
    case 'json':
      return (
        <Textarea
          {...common}
          defaultValue={value === undefined ? '' : JSON.stringify(value, null, 2)}
          autosize
          minRows={2}
          classNames={{ input: 'mono' }}
          onBlur={(event) => onChange(parsedOr(event.currentTarget.value, value))}
        />
      );
  }
}

interface CommonProps {
  label: string;
  description?: string;
  error?: string;
  disabled: boolean;
  required: boolean;
}

function SecretPicker({
  value,
  onChange,
  context,
  ...common
}: CommonProps & { value: string; onChange: (value: unknown) => void; context: FormContext }) {
  const names = value && !context.secrets.includes(value) ? [value, ...context.secrets] : context.secrets;
  return (
    <div>
      <NativeSelect
        {...common}
        value={value}
        onChange={(event) => onChange(event.currentTarget.value)}
        data={[{ value: '', label: common.required ? words.secret.pick : words.secret.clear }, ...names]}
      />
      <SecretsLink context={context} />
    </div>
  );
}

function SecretsLink({ context }: { context: FormContext }) {
  return (
    <Anchor component={Link} to={`/products/${context.productId}/secrets`} size="xs" target="_blank">
      {context.secrets.length === 0 ? words.secret.none : words.secret.add}
    </Anchor>
  );
}

function MapField({
  value,
  onChange,
  ...common
}: CommonProps & { value: unknown; onChange: (value: unknown) => void }) {
  const stored = (value ?? {}) as Record<string, string>;
  // The rows as they are typed: while one name is typed it may for a moment be that of another row.
  const [rows, setRows] = useState(() => Object.entries(stored));
  const entries = same(Object.fromEntries(rows), stored) ? rows : Object.entries(stored);
  const write = (next: [string, string][]) => {
    setRows(next);
    onChange(Object.fromEntries(next));
  };
  const repeated = entries.find(([name], index) => entries.findIndex(([other]) => other === name) !== index)?.[0];
  return (
    <Input.Wrapper
      label={common.label}
      labelElement="div"
      description={common.description}
      error={common.error ?? (repeated === undefined ? undefined : words.map.repeated(repeated))}
    >
      <div className={classes.rows}>
        {entries.map(([name, text], index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the name is what is being edited
          <div key={index} className={classes.pair}>
            <TextInput
              aria-label={`${common.label}: ${words.map.name}`}
              placeholder={words.map.name}
              value={name}
              disabled={common.disabled}
              onChange={(event) =>
                write(entries.map((one, at) => (at === index ? [event.currentTarget.value, one[1]] : one)))
              }
            />
            <TextInput
              aria-label={`${common.label}: ${words.map.value} ${name}`}
              placeholder={words.map.value}
              value={text}
              disabled={common.disabled}
              classNames={{ input: 'mono' }}
              onChange={(event) =>
                write(entries.map((one, at) => (at === index ? [one[0], event.currentTarget.value] : one)))
              }
            />
            <ActionIcon
              variant="subtle"
              color="gray"
              disabled={common.disabled}
              aria-label={words.map.remove(name)}
              onClick={() => write(entries.filter((_, at) => at !== index))}
            >
              <IconX size={16} />
            </ActionIcon>
          </div>
        ))}
        {!common.disabled && (
          <Button
            size="compact-sm"
            variant="subtle"
            leftSection={<IconPlus size={14} />}
            disabled={entries.some(([name]) => name === '')}
            onClick={() => write([...entries, ['', '']])}
          >
            {words.map.add}
          </Button>
        )}
      </div>
    </Input.Wrapper>
  );
}

function ExpressionList({ field, value, onChange, faults, context }: FieldProps & { value: string[] }) {
  return (
    <Input.Wrapper label={field.label} labelElement="div" description={field.help} error={faults[field.name]}>
      <div className={classes.rows}>
        {value.map((expression, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a parameter is its place
          <div key={index} className={classes.numbered}>
            <code className={classes.number}>${index + 1}</code>
            <ExpressionField
              label={`${field.label} $${index + 1}`}
              value={expression}
              onChange={(next) => onChange(value.map((one, at) => (at === index ? next : one)))}
              sample={context.sample}
              error={faults[`${field.name}[${index}]`]}
              readOnly={context.readOnly}
            />
            <ActionIcon
              variant="subtle"
              color="gray"
              disabled={context.readOnly}
              aria-label={words.list.remove(index + 1)}
              onClick={() => onChange(value.filter((_, at) => at !== index))}
            >
              <IconX size={16} />
            </ActionIcon>
          </div>
        ))}
        {!context.readOnly && (
          <Button
            size="compact-sm"
            variant="subtle"
            leftSection={<IconPlus size={14} />}
            onClick={() => onChange([...value, 'payload'])}
          >
            {words.list.add}
          </Button>
        )}
      </div>
    </Input.Wrapper>
  );
}

function faultOf(name: string, faults: Record<string, string>): string | undefined {
  if (faults[name]) return faults[name];
  const inner = Object.keys(faults).find((field) => field.startsWith(`${name}.`) || field.startsWith(`${name}[`));
  return inner ? `${inner.slice(name.length).replace(/^\./, '')} ${faults[inner]}` : undefined;
}

function innerFaults(name: string, faults: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(faults)
      .filter(([field]) => field.startsWith(`${name}.`))
      .map(([field, message]) => [field.slice(name.length + 1), message]),
  );
}

const textList = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);

function parsedOr(text: string, previous: unknown): unknown {
  if (text.trim() === '') return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return previous;
    throw error;
  }
}
