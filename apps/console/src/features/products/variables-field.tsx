import { ActionIcon, Button, Input, TextInput } from '@mantine/core';
import { IconPlus, IconX } from '@tabler/icons-react';
import { texts } from '../../texts';
import classes from './variables-field.module.css';

const words = texts.productSettings;

export type VariableRows = [name: string, value: string][];

interface Props {
  rows: VariableRows;
  onChange: (rows: VariableRows) => void;
  faults: Record<string, string>;
  readOnly: boolean;
}

/** Names and values that topics are filled with. */
export function VariablesField({ rows, onChange, faults, readOnly }: Props) {
  const change = (index: number, next: [string, string]) =>
    onChange(rows.map((row, at) => (at === index ? next : row)));
  return (
    <Input.Wrapper
      label={words.variables}
      labelElement="div"
      description={words.variablesHint}
      error={faults.variables}
    >
      <div className={classes.rows}>
        {rows.length === 0 && <span className={classes.none}>{words.noVariables}</span>}
        {rows.map(([name, value], index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the name is what is being edited
          <div key={index} className={classes.row}>
            <TextInput
              aria-label={`${words.variableName} ${index + 1}`}
              placeholder={words.variableName}
              value={name}
              disabled={readOnly}
              spellCheck={false}
              classNames={{ input: 'mono' }}
              onChange={(event) => change(index, [event.currentTarget.value, value])}
            />
            <TextInput
              aria-label={`${words.variableValue} ${name || index + 1}`}
              placeholder={words.variableValue}
              value={value}
              disabled={readOnly}
              spellCheck={false}
              error={faults[`variables.${name}`]}
              onChange={(event) => change(index, [name, event.currentTarget.value])}
            />
            <ActionIcon
              variant="subtle"
              color="gray"
              disabled={readOnly}
              aria-label={words.removeVariable(name)}
              onClick={() => onChange(rows.filter((_, at) => at !== index))}
            >
              <IconX size={16} />
            </ActionIcon>
          </div>
        ))}
        {!readOnly && (
          <Button
            size="compact-sm"
            variant="subtle"
            leftSection={<IconPlus size={14} />}
            onClick={() => onChange([...rows, ['', '']])}
          >
            {words.addVariable}
          </Button>
        )}
      </div>
    </Input.Wrapper>
  );
}
