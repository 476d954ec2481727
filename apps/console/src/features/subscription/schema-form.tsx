import { Input, NativeSelect, Switch, TagsInput, Textarea, TextInput } from '@mantine/core';
import { IntegerInput } from '../../components/integer-input';
import { Fields, Wide } from '../../components/layout';
import { texts } from '../../texts';
import { ExpressionField } from './expression/expression-field';
import { ExpressionList } from './expression-list';
import type { FormContext } from './form-context';
import { JsonField } from './json-field';
import { MapField } from './map-field';
import type { FieldSpec } from './schema-fields';
import classes from './schema-form.module.css';
import { SecretPicker, SecretsLink } from './secret-picker';

const words = texts.subscription;

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
          onChange={(next) => onChange(next.map(numberOr))}
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
      return <JsonField {...common} value={value} onChange={onChange} />;
  }
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

/** What is no number stays as it is: the server says so at its field. */
function numberOr(text: string): number | string {
  return /^-?\d+$/.test(text.trim()) ? Number(text) : text;
}
