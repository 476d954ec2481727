import classes from './shell.module.css';

export function Logo() {
  return (
    <span className={classes.logo}>
      <svg viewBox="0 0 32 32" width="24" height="24" aria-hidden="true">
        <rect width="32" height="32" rx="8" className={classes.logoTile} />
        <path d="M7 21.5c3.2 0 3.2-11 9-11s5.8 11 9 11" className={classes.logoWave} />
        <circle cx="16" cy="21.5" r="1.5" fill="#fff" />
      </svg>
      cortex<span className={classes.logoSoft}>mqtt</span>
    </span>
  );
}
