import { Button } from '@mantine/core';
import { IconArrowLeft, IconArrowRight, IconCheck } from '@tabler/icons-react';
import { type FormEvent, type ReactNode, useEffect, useRef } from 'react';
import { Link } from 'react-router';
import { Page } from '../../../components/layout';
import { texts } from '../../../texts';
import classes from './setup-frame.module.css';
import { SETUP_STEPS, type SetupStep, setupPath, stepAfter, stepBefore } from './setup-steps';

const words = texts.setup;

interface FrameProps {
  step: SetupStep;
  /** null before the product exists. */
  product: { id: number; name: string } | null;
  done: Set<SetupStep>;
  children: ReactNode;
}

/** Where one is on the path, and the step itself. */
export function SetupFrame({ step, product, done, children }: FrameProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  const isFirst = useRef(true);
  // Somebody who went on by keyboard or hears the page is taken to the new step.
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new step is what moves the focus
  useEffect(() => {
    if (!isFirst.current) heading.current?.focus();
    isFirst.current = false;
  }, [step]);
  return (
    <Page
      title={product ? words.title(product.name) : words.newTitle}
      documentTitle={`${words.steps[step].label} · ${product ? words.title(product.name) : words.newTitle}`}
      subtitle={product ? words.subtitle : words.newSubtitle}
      actions={
        <Button component={Link} to={product ? `/products/${product.id}` : '/products'} variant="default">
          {product ? words.later : texts.common.cancel}
        </Button>
      }
    >
      <div className={classes.setup}>
        <StepList step={step} product={product} done={done} />
        <section className={classes.step} aria-labelledby="setup-step">
          <p className={classes.count}>{words.stepOf(SETUP_STEPS.indexOf(step) + 1, SETUP_STEPS.length)}</p>
          <h2 id="setup-step" className={classes.heading} tabIndex={-1} ref={heading}>
            {words.steps[step].title}
          </h2>
          <p className={classes.hint}>{words.hints[step]}</p>
          {children}
        </section>
      </div>
    </Page>
  );
}

function StepList({ step, product, done }: Omit<FrameProps, 'children'>) {
  return (
    <nav aria-label={words.stepList} className={classes.nav}>
      <ol className={classes.list}>
        {SETUP_STEPS.map((one, index) => {
          const isCurrent = one === step;
          const isDone = done.has(one);
          const look = isCurrent ? classes.current : isDone ? classes.done : classes.open;
          const content = (
            <>
              <span className={classes.mark} aria-hidden>
                {isDone && !isCurrent ? <IconCheck size={15} stroke={2.4} /> : index + 1}
              </span>
              <span className={classes.label}>
                {words.steps[one].label}
                {isDone && <span className={classes.hidden}> ({words.done})</span>}
              </span>
            </>
          );
          return (
            <li key={one} className={`${classes.entry} ${look ?? ''}`}>
              {product ? (
                <Link
                  to={setupPath(product.id, one)}
                  className={classes.link}
                  aria-current={isCurrent ? 'step' : undefined}
                >
                  {content}
                </Link>
              ) : (
                <span className={classes.link} aria-current={isCurrent ? 'step' : undefined}>
                  {content}
                </span>
              )}
            </li>
          );
        })}
      </ol>
    </nav>
  );
}

interface StepFormProps {
  step: SetupStep;
  productId: number | null;
  children: ReactNode;
  /** Text of the button that leads on. */
  next?: string;
  onNext: () => void;
  busy?: boolean;
  /** Nothing is left to skip. */
  isDone?: boolean;
  /** Quiet as long as the step has not come to its end. */
  quiet?: boolean;
}

/** A step with its way back, past and on; Enter leads on. */
export function StepForm({ step, productId, children, next, onNext, busy, isDone, quiet }: StepFormProps) {
  const before = stepBefore(step);
  const after = stepAfter(step);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    // The dialogs of a step are drawn elsewhere, but their events come up to here.
    if (event.target === event.currentTarget) onNext();
  };
  return (
    <form onSubmit={submit} className={classes.form} noValidate>
      {children}
      <div className={classes.foot}>
        {productId !== null && before && (
          <Button
            component={Link}
            to={setupPath(productId, before)}
            variant="subtle"
            color="gray"
            leftSection={<IconArrowLeft size={16} />}
          >
            {words.back}
          </Button>
        )}
        <span className={classes.space} />
        {productId !== null && after && !isDone && (
          <Button component={Link} to={setupPath(productId, after)} variant="subtle" color="gray">
            {words.skip}
          </Button>
        )}
        <Button
          type="submit"
          loading={busy}
          variant={quiet ? 'default' : 'filled'}
          rightSection={after ? <IconArrowRight size={16} /> : undefined}
        >
          {next ?? words.next}
        </Button>
      </div>
    </form>
  );
}
