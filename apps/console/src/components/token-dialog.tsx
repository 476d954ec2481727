import { Alert, Button, Code, Group, Modal, Stack, TextInput } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { type FormEvent, type ReactNode, useState } from 'react';
import { faultsByField } from '../api/problem';
import type { Token } from '../api/types';
import { texts } from '../texts';
import { CopyButton } from './copy-button';
import { IntegerInput } from './integer-input';
import { notifyFailure } from './notify';
import classes from './token-dialog.module.css';

interface Words {
  createToken: string;
  tokenName: string;
  tokenNameHelp?: string;
  expires: string;
  expiresHelp: string;
  tokenTitle: string;
  tokenOnce: string;
}

interface Props {
  opened: boolean;
  onClose: () => void;
  words: Words;
  defaultDays: number | null;
  /** Further fields of what is made. */
  children?: ReactNode;
  onCreate: (token: { name: string; expires_in_days: number | null }) => Promise<Token>;
}

/** Makes a token and shows it: once, with a button that copies it. Kept in memory only while the dialog is open. */
export function TokenDialog({ opened, onClose, words, defaultDays, children, onCreate }: Props) {
  const [name, setName] = useState('');
  const [days, setDays] = useState<number | null>(defaultDays);
  const [made, setMade] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const [faults, setFaults] = useState<Record<string, string>>({});

  const close = () => {
    setMade(null);
    setName('');
    setDays(defaultDays);
    setFaults({});
    onClose();
  };
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setFaults({});
    try {
      const token = await onCreate({ name, expires_in_days: days });
      setMade(token.token ?? '');
    } catch (error) {
      const found = faultsByField(error);
      setFaults(found);
      if (Object.keys(found).length === 0) notifyFailure(words.createToken, error);
    } finally {
      setBusy(false);
    }
  };

  return (
    <Modal
      opened={opened}
      onClose={close}
      title={made === null ? words.createToken : words.tokenTitle}
      closeOnClickOutside={made === null}
    >
      {made === null ? (
        <form onSubmit={(event) => void submit(event)}>
          <Stack>
            <TextInput
              label={words.tokenName}
              description={words.tokenNameHelp}
              value={name}
              error={faults.name}
              required
              withAsterisk={false}
              data-autofocus
              autoComplete="off"
              onChange={(event) => setName(event.currentTarget.value)}
            />
            <IntegerInput
              label={words.expires}
              description={words.expiresHelp}
              value={days}
              error={faults.expires_in_days}
              min={1}
              max={3_650}
              onChange={setDays}
            />
            {children}
            <Group justify="flex-end">
              <Button variant="default" onClick={close}>
                {texts.common.cancel}
              </Button>
              <Button type="submit" loading={busy}>
                {words.createToken}
              </Button>
            </Group>
          </Stack>
        </form>
      ) : (
        <Stack>
          <Alert color="amber" icon={<IconAlertTriangle size={18} />} p="sm">
            {words.tokenOnce}
          </Alert>
          <div className={classes.token}>
            <Code className={classes.value}>{made}</Code>
            <CopyButton value={made} what={words.tokenTitle} />
          </div>
          <Group justify="flex-end">
            <Button onClick={close}>{texts.common.close}</Button>
          </Group>
        </Stack>
      )}
    </Modal>
  );
}
