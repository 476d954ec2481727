import { LoadingRows } from '../components/states';
import { Logo } from './logo';
import classes from './shell.module.css';

/** The frame, empty, while it is not known yet who is signed in. */
export function ShellSkeleton() {
  return (
    <div className={classes.shell}>
      <aside className={classes.sidebar}>
        <span className={classes.brand}>
          <Logo />
        </span>
      </aside>
      <main className={classes.main}>
        <LoadingRows rows={6} />
      </main>
    </div>
  );
}
