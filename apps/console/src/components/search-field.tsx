import { TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { IconSearch } from '@tabler/icons-react';
import { useEffect, useRef, useState } from 'react';
import { useSearchParams } from 'react-router';
import rows from './rows.module.css';

const PAUSE_MS = 150;

interface Props {
  label: string;
  /** Where the address keeps it, so that a link leads to what was found. */
  name?: string;
  /** What of the address goes with a new search, such as the page of the list. */
  resets?: readonly string[];
  className?: string;
}

/** A search that lives in the address. The address is written when typing pauses: it follows too late to type into. */
export function SearchField({ label, name = 'q', resets = [], className = rows.grow }: Props) {
  const [parameters, setParameters] = useSearchParams();
  const inAddress = parameters.get(name) ?? '';
  const [typed, setTyped] = useState(inAddress);
  const isAhead = useRef(false);
  useEffect(() => {
    if (!isAhead.current) setTyped(inAddress);
  }, [inAddress]);
  const write = useDebouncedCallback((text: string) => {
    isAhead.current = false;
    setParameters(
      (current) => {
        if (text) current.set(name, text);
        else current.delete(name);
        for (const one of resets) current.delete(one);
        return current;
      },
      { replace: true, preventScrollReset: true },
    );
  }, PAUSE_MS);
  return (
    <TextInput
      className={className}
      leftSection={<IconSearch size={16} />}
      placeholder={label}
      aria-label={label}
      value={typed}
      onChange={(event) => {
        isAhead.current = true;
        setTyped(event.currentTarget.value);
        write(event.currentTarget.value);
      }}
    />
  );
}

/** What is searched for, and the way to clear it. */
export function useSearch(name = 'q'): [string, () => void] {
  const [parameters, setParameters] = useSearchParams();
  const clear = () =>
    setParameters(
      (current) => {
        current.delete(name);
        return current;
      },
      { replace: true, preventScrollReset: true },
    );
  return [parameters.get(name) ?? '', clear];
}
