import { ActionIcon, Button, Input } from '@mantine/core';
import { IconPlus, IconX } from '@tabler/icons-react';
import { texts } from '../../texts';
import { ExpressionField } from './expression/expression-field';
import type { FormContext } from './form-context';
import type { FieldSpec } from './schema-fields';
import classes from './schema-form.module.css';

const words = texts.subscription.list;

interface Props {
  field: FieldSpec;
  value: string[];
  onChange: (value: string[]) => void;
  faults: Record<string, string>;
  context: FormContext;
}

/** Expressions in order: a parameter of a statement is its place. */
export function ExpressionList({ field, value, onChange, faults, context }: Props) {
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
              aria-label={words.remove(index + 1)}
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
            {words.add}
          </Button>
        )}
      </div>
    </Input.Wrapper>
  );
}
