import { Collapse, UnstyledButton } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconChevronRight } from '@tabler/icons-react';
import { type ReactNode, useId } from 'react';
import classes from './fold.module.css';

interface FoldProps {
  title: ReactNode;
  hint?: ReactNode;
  children: ReactNode;
  /** Opened from the start, or as soon as something inside is at fault. */
  opened?: boolean;
}

/** What few people need, folded away. */
export function Fold({ title, hint, children, opened = false }: FoldProps) {
  const [isOpen, { toggle }] = useDisclosure(false);
  const id = useId();
  const shown = isOpen || opened;
  return (
    <div className={classes.fold}>
      <UnstyledButton className={classes.head} onClick={toggle} aria-expanded={shown} aria-controls={id}>
        <IconChevronRight size={16} className={shown ? classes.open : undefined} aria-hidden />
        <span className={classes.title}>{title}</span>
        {hint && <span className={classes.hint}>{hint}</span>}
      </UnstyledButton>
      <Collapse expanded={shown} id={id}>
        <div className={classes.body}>{children}</div>
      </Collapse>
    </div>
  );
}
