import '@mantine/dates/styles.css';
import { DateTimePicker } from '@mantine/dates';
import { IconCalendar } from '@tabler/icons-react';
import { texts } from '../texts';
import { localMoment } from './local-moment';
import classes from './moment-input.module.css';

const words = texts.time;

interface Props {
  label: string;
  /** Local time such as `2026-03-01T14:30`; empty while none is chosen. */
  value: string;
  onChange: (value: string) => void;
  /** Offers times that many hours ago, for the beginning of a range. */
  agoHours?: readonly number[];
}

/** A day and a time where the person is, written alike whatever the language of the browser is. */
export function MomentInput({ label, value, onChange, agoHours = [] }: Props) {
  const take = (chosen: string | null) => onChange(chosen ? localMoment(new Date(chosen.replace(' ', 'T'))) : '');
  return (
    <DateTimePicker
      className={classes.input}
      aria-label={value ? `${label}: ${value.replace('T', ' ')}` : label}
      placeholder={label}
      leftSection={<IconCalendar size={16} />}
      valueFormat="YYYY-MM-DD HH:mm"
      value={value ? value.replace('T', ' ') : null}
      onChange={take}
      ariaLabels={words.calendar}
      clearable
      popoverProps={{ classNames: { dropdown: classes.dropdown } }}
      clearButtonProps={{ 'aria-label': words.clear(label) }}
      submitButtonProps={{ 'aria-label': words.take }}
      timePickerProps={{ 'aria-label': words.timeOfDay, withDropdown: false }}
      presets={agoHours.map((hours) => ({
        label: words.ago(hours),
        value: localMoment(new Date(Date.now() - hours * 3_600_000)).replace('T', ' '),
      }))}
    />
  );
}
