import { ActionIcon } from '@mantine/core';
import { IconChevronLeft, IconChevronRight } from '@tabler/icons-react';
import { texts } from '../texts';
import classes from './pager.module.css';

interface Props {
  page: number;
  pageSize: number;
  total: number;
  onPage: (page: number) => void;
}

/** Which part of a long list is shown, and the way on. */
export function Pager({ page, pageSize, total, onPage }: Props) {
  if (total <= pageSize) return null;
  const from = (page - 1) * pageSize + 1;
  const to = Math.min(page * pageSize, total);
  return (
    <div className={classes.pager}>
      <span>{texts.common.range(from, to, total)}</span>
      <ActionIcon
        variant="default"
        size="md"
        disabled={page <= 1}
        aria-label={texts.common.previous}
        onClick={() => onPage(page - 1)}
      >
        <IconChevronLeft size={17} />
      </ActionIcon>
      <ActionIcon
        variant="default"
        size="md"
        disabled={to >= total}
        aria-label={texts.common.next}
        onClick={() => onPage(page + 1)}
      >
        <IconChevronRight size={17} />
      </ActionIcon>
    </div>
  );
}
