import { Title } from '@mantine/core';
import type { ReactNode } from 'react';
import classes from './layout.module.css';

interface PageProps {
  title: ReactNode;
  subtitle?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
  /** Text of the browser's tab, when `title` is more than text. */
  documentTitle?: string;
}

/** A page: heading, what one can do, content. */
export function Page({ title, subtitle, actions, children, documentTitle }: PageProps) {
  const tabTitle = documentTitle ?? (typeof title === 'string' ? title : null);
  return (
    <div className={classes.page}>
      {tabTitle !== null && <title>{`${tabTitle} · cortex-mqtt`}</title>}
      <header className={classes.pageHeader}>
        <div className={classes.headings}>
          <Title order={1}>{title}</Title>
          {subtitle && <div className={classes.subtitle}>{subtitle}</div>}
        </div>
        {actions && <div className={classes.actions}>{actions}</div>}
      </header>
      {children}
    </div>
  );
}

interface PanelProps {
  title?: ReactNode;
  hint?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
  /** The content touches the edges, as tables and lists do. */
  flush?: boolean;
  id?: string;
}

/** A titled surface. */
export function Panel({ title, hint, actions, children, flush, id }: PanelProps) {
  const headingId = id ? `${id}-title` : undefined;
  return (
    <section className={classes.panel} id={id} aria-labelledby={title && headingId ? headingId : undefined}>
      {(title || actions) && (
        <div className={classes.panelHeader}>
          <div className={classes.headings}>
            {title && (
              <Title order={2} id={headingId}>
                {title}
              </Title>
            )}
            {hint && <div className={classes.hint}>{hint}</div>}
          </div>
          {actions && <div className={classes.actions}>{actions}</div>}
        </div>
      )}
      <div className={flush ? classes.panelFlush : classes.panelBody}>{children}</div>
    </section>
  );
}

/** Fields side by side where there is room, one below the other on a phone. */
export function Fields({ columns = 2, children }: { columns?: 1 | 2 | 3; children: ReactNode }) {
  return <div className={`${classes.fields} ${classes[`fields${columns}`]}`}>{children}</div>;
}

/** A field that takes the whole width of its Fields. */
export function Wide({ children }: { children: ReactNode }) {
  return <div className={classes.wide}>{children}</div>;
}

/** Label and value pairs. */
export function Facts({ items }: { items: [label: ReactNode, value: ReactNode][] }) {
  return (
    <dl className={classes.facts}>
      {items.map(([label, value], index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a fixed list, and labels may be elements
        <div key={index} className={classes.fact}>
          <dt>{label}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
